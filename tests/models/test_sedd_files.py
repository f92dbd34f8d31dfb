"""SEDD's files: found without a model_type, loaded by their published names, decoded on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from pbench.errors import ArtifactError
from pbench.interfaces import GenerationSettings
from pbench.models import find_model, hub, load_model, sedd_files
from pbench.models.checkpoint import Checkpoint
from pbench.models.sedd import SeddGenerator
from pbench.models.sedd_network import SeddConfig
from pbench.records import Generation
from tests.models.random_models import folder, samples

if not root.app.registered_commands:
    root._register()


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    shutil.copytree(folder("sedd"), tmp_path / "m")
    return tmp_path / "m"


def load(path: Path, device: str = "cpu", dtype: str | None = None) -> SeddGenerator:
    found = load_model(find_model(str(path)), device, dtype)
    assert isinstance(found, SeddGenerator)
    return found


def answers(model: SeddGenerator) -> list[Generation]:
    settings = GenerationSettings(temperature=1.0, batch_size=8, options={"steps": 6})
    return sorted(model.run(samples(5), settings), key=lambda row: row.sample.index)


def test_a_config_without_model_type_is_known_by_its_keys() -> None:
    assert "model_type" not in json.loads((folder("sedd") / "config.json").read_text())
    assert find_model(str(folder("sedd"))).family == "sedd"


def test_messages_are_joined_by_blank_lines() -> None:
    model = load(folder("sedd"), "meta")
    messages = ({"role": "system", "content": "One."}, {"role": "user", "content": "Two <b>."})
    assert model.tokens.prompt(messages) == "One.\n\nTwo <b>."


def test_the_files_names_are_the_published_ones() -> None:
    names = load_file(folder("sedd") / "model.safetensors").keys()
    assert {"vocab_embed.embedding", "sigma_map.mlp.2.bias", "rotary_emb.inv_freq"} <= names
    assert {"blocks.1.attn_qkv.weight", "blocks.1.adaLN_modulation.bias"} <= names
    assert {"output_layer.norm_final.weight", "output_layer.linear.bias"} <= names


def test_answers_differ_between_prompts() -> None:
    found = answers(load(folder("sedd")))
    assert len({row.output_ids for row in found}) == len(found)


def test_bfloat16_runs_and_says_so() -> None:
    model = load(folder("sedd"), dtype="bfloat16")
    assert model.network.output_layer.linear.weight.dtype == torch.bfloat16
    assert model.identity["dtype"] == "bfloat16"
    assert {row.status for row in answers(model)} <= {"ok", "empty"}


def test_the_uniform_graph_loads(changed: Path) -> None:
    """One state less: no mask."""
    config = json.loads((changed / "config.json").read_text())
    config["graph"]["type"] = "uniform"
    config["model"]["scale_by_sigma"] = False
    (changed / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ArtifactError, match=r"of another shape: .*vocab_embed\.embedding \[401, 32\], not \[400, 32\]"
    ):
        load(changed)
    tensors = load_file(changed / "model.safetensors")
    for name in ("vocab_embed.embedding", "output_layer.linear.weight", "output_layer.linear.bias"):
        tensors[name] = tensors[name][:-1].clone()
    save_file(tensors, changed / "model.safetensors")
    found = answers(load(changed))
    assert all(max(row.output_ids or ()) < 400 for row in found)
    assert any(event.event == "edit" for row in found for event in row.trace or ())


def test_a_tokenizer_of_another_model_is_refused(changed: Path) -> None:
    (changed / "tokenizer.json").unlink()
    with pytest.raises(ArtifactError, match=r"holds no tokenizer\.json; SEDD speaks GPT-2's"):
        load(changed)
    shutil.copy(folder("dream") / "tokenizer.json", changed)
    config = json.loads((changed / "config.json").read_text())
    (changed / "config.json").write_text(json.dumps(config | {"tokens": 399}))
    with pytest.raises(ArtifactError, match="its tokenizer has 400 tokens"):
        load(changed)


def test_the_command_line_decodes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = [
        "decode",
        "--model",
        str(folder("sedd")),
        "--tasks",
        "copy",
        "--limit",
        "2",
        "--gen-length",
        "8",
    ]
    assert root._run([*command, "--sampler", "euler", "--steps", "5", "--out", "a.parquet"]) == 0
    manifest = read_manifest(Path("a.parquet"))
    assert manifest["identity"]["sampler"] == {
        "name": "euler", "options": {"steps": 5}, "given": {"steps": 5},
    }  # fmt: skip
    assert manifest["identity"]["temperature"] == 1.0
    assert {row.nfe for row in read_rows(Path("a.parquet"), "generations")} == {6}
    assert root._run([*command, "--cache", "dual", "--out", "b.parquet"]) == 2
    capsys.readouterr()
    assert root._run([*command, "--sampler", "threshold", "--gamma", "1", "--out", "b.parquet"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "--sampler threshold does not go with model 'sedd' (sedd)" in said
    assert "take --sampler euler or analytic (its default)" in said
    assert "predictor" not in said
    assert root._run([*command, "--temperature", "0", "--out", "b.parquet"]) == 2


def test_a_hub_repository_without_tokenizer_gets_gpt2s(
    changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = changed.parent / "gpt2"
    tokenizer.mkdir()
    (changed / "tokenizer.json").rename(tokenizer / "tokenizer.json")
    asked = []

    def fetch(repository: str, revision: str | None) -> tuple[Path, str]:
        asked.append((repository, revision))
        return tokenizer, "0123abc"

    monkeypatch.setattr(hub, "fetch_small_files", fetch)
    checkpoint = Checkpoint("sedd-small", changed, hub="louaaron/sedd-small", revision="f00")
    model = sedd_files.load(checkpoint, torch.device("meta"), None)
    assert asked == [("openai-community/gpt2", None)]
    assert model.identity["tokenizer"] == "openai-community/gpt2@0123abc"
    assert model.identity["revision"] == "f00"
    assert model.encode(samples(1)[0])


@pytest.mark.parametrize(("key", "value"), [("n_blocks", 10**9), ("n_heads", 0), ("hidden_size", 10**12)])
def test_dimensions_that_no_network_has_are_refused_before_it_is_built(key: str, value: int) -> None:
    path = folder("sedd") / "config.json"
    said = json.loads(path.read_text())
    said["model"][key] = value
    with pytest.raises(ArtifactError, match=rf"model\.{key}: Input should be"):
        SeddConfig.read(said, path)
