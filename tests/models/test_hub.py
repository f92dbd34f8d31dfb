"""Checkpoints by hub id, against a hub on this machine, asked by processes with an empty cache."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from pbench.errors import PbenchError
from pbench.models import find_model, load_model
from tests.forks import finish
from tests.models.foreign_checkpoint import write_foreign
from tests.models.hub_server import COMMIT, serve
from tests.models.random_models import folder


def answers(out: Path, cache: str, url: str, models: tuple[str, ...]) -> None:
    """Write a line of JSON for each of `models`; "+" after its name: its code is trusted."""
    os.environ |= {"HF_ENDPOINT": url, "HF_HOME": cache, "HF_HUB_OFFLINE": "0"}
    os.environ |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_XET": "1"}
    stale = ("huggingface_hub", "transformers_modules")
    for name in [name for name in sys.modules if name.partition(".")[0] in stale]:
        del sys.modules[name]  # it reads those variables when it is imported
    from transformers import dynamic_module_utils

    dynamic_module_utils.HF_MODULES_CACHE = f"{cache}/modules"
    sys.path.insert(0, f"{cache}/modules")  # before that of tests that ran in this process earlier
    with out.open("w") as file:
        for model in models:
            file.write(json.dumps(answer(model)) + "\n")


def answer(model: str) -> dict:
    name, trust, _ = model.partition("+")
    try:
        info = find_model(name, trust_remote_code=bool(trust))
        meta, whole = load_model(info, "meta"), load_model(info, "cpu")
    except PbenchError as error:
        return {"exit": error.exit_code, "error": str(error)}
    same = meta.identity == whole.identity
    return {"family": info.family, "name": whole.name, "identity": whole.identity, "same": same}


def ask(cache: Path, url: str, *models: str) -> list[dict]:
    out = cache.with_suffix(".jsonl")
    assert finish(answers, out, str(cache), url, models) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.fixture
def repository(tmp_path):
    out = tmp_path / "repository"
    shutil.copytree(folder("dream"), out)
    (out / "modeling_dream.py").write_text("raise SystemExit('code of the repository was run')")
    (out / "pytorch_model.bin").write_bytes(b"a pickle")
    return out


def test_a_hub_id_is_resolved_to_a_commit_fetched_once_and_recorded(tmp_path, repository):
    name = "somebody/small-dream"
    with serve(name, repository) as (url, fetched):
        tagged, latest, trusted, missing, unpinned, unknown = ask(
            tmp_path / "cache",
            url,
            f"{name}@v1",
            name,
            f"{name}@v1+trust",
            f"{name}@v9",
            f"{name}+trust",
            "no/thing",
        )
    assert (tagged["family"], tagged["name"], tagged["same"]) == ("dream", "small-dream", True)
    assert (tagged["identity"]["hub"], tagged["identity"]["revision"]) == (name, COMMIT)
    assert set(tagged["identity"]["files"]) == {"config.json", "tokenizer.json", "tokenizer_config.json"}
    assert latest["identity"] == trusted["identity"] == tagged["identity"]
    # Neither code nor pickles, and nothing twice.
    assert sorted(fetched) == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert [each["exit"] for each in (missing, unpinned, unknown)] == [2, 2, 2]
    assert "no such revision" in missing["error"]
    assert "needs a revision" in unpinned["error"]
    assert "no such folder here, and no such repository" in unknown["error"]
    offline, alias = ask(tmp_path / "cache", "http://127.0.0.1:9", f"{name}@{COMMIT}", "dream")
    assert offline["identity"] == tagged["identity"]
    assert alias["exit"] == 2
    assert "Dream-org/Dream-v0-Instruct-7B" in alias["error"]
    assert "cannot be reached" in alias["error"]
    assert "\n" not in alias["error"]


def test_pickles_are_fetched_only_for_those_who_trust_them(tmp_path, repository):
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(repository / "model.safetensors"), repository / "pytorch_model.bin")
    (repository / "model.safetensors").unlink()
    with serve("somebody/old", repository) as (url, fetched):
        refused, trusted = ask(tmp_path / "cache", url, "somebody/old@v1", "somebody/old@v1+trust")
        assert (refused["exit"], "holds no weights" in refused["error"]) == (4, True)
        assert trusted["same"]
    assert fetched.count("pytorch_model.bin") == 1


def test_code_is_fetched_and_run_only_for_those_who_trust_it(tmp_path):
    repository = write_foreign(tmp_path / "toy")
    with serve("somebody/toy", repository) as (url, fetched):
        (refused,) = ask(tmp_path / "cache", url, "somebody/toy@v1")
        assert (refused["exit"], "--trust-remote-code" in refused["error"]) == (2, True)
        assert not [name for name in fetched if name.endswith((".py", ".safetensors"))]
        (trusted,) = ask(tmp_path / "cache", url, "somebody/toy@v1+trust")
    assert "error" not in trusted, trusted
    assert (trusted["family"], trusted["same"]) == ("auto-map", True)
    assert trusted["identity"]["revision"] == COMMIT
    assert set(trusted["identity"]["code"]) == {"configuration_toy.py", "modeling_toy.py"}
    assert (repository / "sentinel").exists()
