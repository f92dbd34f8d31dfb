"""Checkpoints by hub id, against a hub on this machine; each asks in a process of its own, with an empty cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.models.hub_server import COMMIT, serve
from tests.models.random_models import folder

ASK = """
import json, sys
from pbench.errors import PbenchError
from pbench.models import find_model, load_model
try:
    info = find_model(sys.argv[1], trust_remote_code="trust" in sys.argv)
    meta = load_model(info, "meta")
    model = load_model(info, "cpu")
    print(json.dumps({"family": info.family, "name": model.name, "identity": dict(model.identity),
                      "same": dict(meta.identity) == dict(model.identity)}))
except PbenchError as error:
    print(json.dumps({"exit": error.exit_code, "error": str(error)}))
"""


def ask(model: str, cache, url: str, *more: str) -> dict:
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    out = subprocess.run(
        [sys.executable, "-c", ASK, model, *more], env=environment, capture_output=True, text=True, timeout=120
    )
    assert out.returncode == 0, out.stderr
    print(out.stdout, out.stderr)
    return json.loads(out.stdout)


@pytest.fixture
def repository(tmp_path):
    out = tmp_path / "repository"
    shutil.copytree(folder("dream"), out)
    (out / "modeling_dream.py").write_text("raise SystemExit('code of the repository was run')")
    (out / "pytorch_model.bin").write_bytes(b"a pickle")
    return out


def test_a_hub_id_is_resolved_to_a_commit_fetched_once_and_recorded(tmp_path, repository):
    cache = tmp_path / "cache"
    with serve("somebody/small-dream", repository) as (url, fetched):
        found = ask("somebody/small-dream@v1", cache, url)
        assert (found["family"], found["name"], found["same"]) == ("dream", "small-dream", True)
        assert found["identity"]["hub"] == "somebody/small-dream"
        assert found["identity"]["revision"] == COMMIT
        assert set(found["identity"]["files"]) == {"config.json", "tokenizer.json", "tokenizer_config.json"}
        wanted = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
        assert sorted(fetched) == wanted  # neither code nor pickles, and nothing twice
        assert ask("somebody/small-dream", cache, url)["identity"] == found["identity"]
        assert sorted(fetched) == wanted
        missing = ask("somebody/small-dream@v9", cache, url)
        assert (missing["exit"], "no such revision" in missing["error"]) == (2, True)
        unpinned = ask("somebody/small-dream", cache, url, "trust")
        assert (unpinned["exit"], "needs a revision" in unpinned["error"]) == (2, True)
    offline = ask(f"somebody/small-dream@{COMMIT}", cache, "http://127.0.0.1:9")
    assert offline["identity"] == found["identity"]


def test_what_the_hub_does_not_have_and_a_hub_that_is_not_there(tmp_path, repository):
    with serve("somebody/small-dream", repository) as (url, _):
        unknown = ask("nobody/nothing", tmp_path / "cache", url)
    assert unknown["exit"] == 2
    assert "no such folder here, and no such repository" in unknown["error"]
    unreachable = ask("dream", tmp_path / "cache", "http://127.0.0.1:9")
    assert unreachable["exit"] == 2
    assert "Dream-org/Dream-v0-Instruct-7B" in unreachable["error"]
    assert "cannot be reached" in unreachable["error"]
    assert "\n" not in unreachable["error"]
