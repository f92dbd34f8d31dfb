"""A model folder is data: Python files in it are not run, whatever its configuration says.

Where the user trusts the code of a family that pbench does not know: tests/models/test_auto_map.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbench.models import find_model, load_model
from pbench.models.random_checkpoint import write_random
from pbench.models.random_files import RandomSize
from tests.models.autoregressive_checkpoints import texts, write

CLASSES = ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoTokenizer")


def booby_trap(folder: Path) -> Path:
    """Code that the folder's configuration asks for; the file that it would leave behind."""
    sprung = folder / "sprung"
    (folder / "code.py").write_text(f"open({str(sprung)!r}, 'w').close()\nclass It:\n    pass\n")
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        values = json.loads(path.read_text()) if path.exists() else {}
        values["auto_map"] = dict.fromkeys(CLASSES, "code.It") | {"AutoTokenizer": ["code.It", "code.It"]}
        path.write_text(json.dumps(values | {"trust_remote_code": True}))
    return sprung


@pytest.mark.parametrize("family", ["hf", "llada", "dream"])
def test_code_in_a_model_folder_is_not_run(tmp_path: Path, family: str) -> None:
    """Of families that pbench or transformers has itself: with `--trust-remote-code` neither."""
    folder = tmp_path / "model"
    if family == "hf":
        write(folder)
    else:
        write_random(family, folder, texts(), RandomSize(vocab_size=1024))
    sprung = booby_trap(folder)
    name = f"hf:{folder}" if family == "hf" else str(folder)
    for trusted, device in ((False, "meta"), (True, "cpu")):
        load_model(find_model(name, trust_remote_code=trusted), device)
    assert not sprung.exists()
