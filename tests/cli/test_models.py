"""`pbench models` as a user types it, and `pbench decode --model DIR` of every family with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from tests.models.random_models import folder

if not root.app.registered_commands:
    root._register()

SIZE = ("--layers", "1", "--hidden-size", "32", "--heads", "2", "--vocab-size", "600")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(capsys, *arguments: str, code: int = 0) -> str:
    """stdout; stderr where the command fails."""
    assert root._run(list(arguments)) == code
    out = capsys.readouterr()
    return out.err if code else out.out


def as_json(capsys, *arguments: str) -> dict:
    return json.loads(run(capsys, *arguments, "--json"))


def test_list(capsys):
    models = {entry["name"]: entry for entry in as_json(capsys, "models", "list")["models"]}
    assert models["tiny"] == {
        "name": "tiny", "family": "pbench_tiny", "kind": "diffusion", "available": True, "why": None,
    }  # fmt: skip
    assert models["llada"]["family"] == "llada"
    assert "tiny " in run(capsys, "models", "list")


def test_show_and_the_rendered_prompt(capsys):
    shown = as_json(capsys, "models", "show", str(folder("llada")), "--prompt", "copy")
    assert shown["config"]["model_type"] == "llada"
    text = shown["prompt"]["text"]
    assert text.startswith("<|startoftext|><|start_header_id|>user<|end_header_id|>\n\nCopy this")
    assert text.endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
    assert len(shown["prompt"]["ids"]) > 10
    assert run(capsys, "models", "show", str(folder("llada")), "--prompt", "copy").strip() == text.strip()
    tiny = as_json(capsys, "models", "show", "tiny", "--prompt", "copy")
    assert tiny["prompt"]["text"].startswith("Copy this")


def test_random_then_check_then_decode(capsys):
    assert run(capsys, "models", "random", "--family", "sdar", "--out", "sdar", *SIZE).strip() == "sdar"
    found = as_json(capsys, "models", "check", "sdar", "--batch-invariance")["model"]
    assert found["attention"] == "block-causal, blocks of 4"
    assert found["special_tokens"]["mask"].endswith("<|MASK|>")
    assert found["caches"] == ["none", "prefix"]
    assert "dynamic" in found["samplers"]
    assert "verifier" in found["refused"]["apd"]
    assert found["memory_bytes"]["float32"] == 4 * found["parameters"]
    assert found["batch_invariance"]["answers_equal"] == "8 of 8"
    assert found["batch_invariance"]["logits_max_difference"] < 1e-3
    assert "blocks of 4" in run(capsys, "models", "check", "sdar")
    command = ("decode", "--model", "sdar", "--sampler", "dynamic", "--gamma", "0.3", "--cache", "prefix")
    path = Path(run(capsys, *command, "--tasks", "copy", "--limit", "2").strip())
    manifest, rows = read_manifest(path), list(read_rows(path, "generations"))
    assert manifest["identity"]["block_length"] == 4
    assert set(manifest["identity"]["model"]["files"]) >= {"model.safetensors", "tokenizer.json"}
    assert [row.block_length for row in rows] == [4, 4]
    assert all(row.nfe_prefill == 1 and row.nfe_store > 0 for row in rows)


@pytest.mark.parametrize("family", ["llada", "dream", "llada-moe", "fast-dllm-v2", "llada2"])
def test_decode_of_a_checkpoint_folder(capsys, family):
    causal = family in ("fast-dllm-v2", "llada2")
    caches = ("none", "prefix") if causal else ("none", "dual")
    blocks = () if causal else ("--block-length", "8")
    for cache in caches:
        answers = []
        for size in ("1", "8"):
            command = (
                "--model",
                str(folder(family)),
                "--k",
                "4",
                "--cache",
                cache,
                "--tasks",
                "copy",
                "--limit",
                "3",
            )
            out = ("--batch-size", size, "--out", f"{cache}{size}.parquet")
            run(capsys, "decode", *command, *blocks, *out)
            rows = list(read_rows(Path(f"{cache}{size}.parquet"), "generations"))
            answers.append([(row.output_ids, row.commit_step, row.nfe) for row in rows])
        assert answers[0] == answers[1]
        assert len(answers[0]) == 3


def test_dry_run_bounds_block_causal_models_by_their_blocks(capsys):
    command = (
        "decode",
        "--model",
        str(folder("sdar")),
        "--sampler",
        "dynamic",
        "--gamma",
        "0.5",
        "--limit",
        "1",
    )
    assert root._run([*command, "--tasks", "copy", "--dry-run"]) == 0
    assert "at most 36 forward passes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("models", "random", "--family", "lada", "--out", "x"), 2, "did you mean 'llada'"),
        (("models", "random", "--family", "llada", "--out", "x", "--heads", "3"), 2, "even number"),
        (("models", "random", "--family", "llada", "--out", "."), 0, ""),
        (("models", "show", "tiny", "--prompt", "kopy"), 2, "kopy"),
        (("models", "check", "gpt5"), 2, "unknown model"),
        (("decode", "--model", "{sdar}", "--k", "1", "--block-length", "3"), 2, "does not divide 4"),
        (("decode", "--model", "{sdar}", "--k", "1", "--cache", "dual"), 2, "--cache prefix"),
        (("decode", "--model", "{dream}", "--sampler", "wino", "--gamma", "0.5"), 2, "arbitrary attention"),
        (
            ("decode", "--model", "{llada}", "--k", "1", "--gen-length", "1000", "--tasks", "copy"),
            2,
            "context of 1024",
        ),
        (
            ("decode", "--model", "{sedd}", "--canvas-length", "40", "--tasks", "copy"),
            2,
            "choose a larger --canvas-length",
        ),
        (
            ("decode", "--model", "{diffusion-gemma}", "--gen-length", "1000", "--tasks", "copy"),
            2,
            "in whole canvases of 32",
        ),
    ],
)
def test_errors(capsys, arguments, code, message):
    words = [str(folder(word[1:-1])) if word.startswith("{") else word for word in arguments]
    if words[1] == "random" and code == 0:
        Path("already").write_text("here")
        code, message = 2, "choose a new or empty folder"
    assert message in run(capsys, *words, code=code)


def test_a_truncated_checkpoint_is_exit_4(capsys, tmp_path):
    import shutil

    out = tmp_path / "broken"
    shutil.copytree(folder("llada"), out)
    content = (out / "model.safetensors").read_bytes()
    (out / "model.safetensors").write_bytes(content[:-100])
    said = run(capsys, "decode", "--model", str(out), "--k", "1", "--tasks", "copy", code=4)
    assert "truncated or corrupt" in said
    assert not Path("runs").exists()
