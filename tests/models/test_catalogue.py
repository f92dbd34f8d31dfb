"""Names, folders and what a config.json says become models or clear errors."""

from __future__ import annotations

import json
import shutil

import pytest

from pbench.errors import ArtifactError, PbenchError, UsageError
from pbench.models import find_model, known_models, load_model
from pbench.models.checkpoint import Config
from pbench.models.qwen import qwen2_shape, qwen3_shape
from tests.models.random_models import FAMILIES, folder

CONTRACT = {
    "tiny", "llada", "llada-1.5", "dream", "dream-coder", "diffucoder", "sdar-1.7b", "sdar-4b", "sdar-8b",
    "trado-4b", "trado-8b", "llada-moe", "llada2-mini", "fast-dllm-v2-7b", "sedd-small", "diffusion-gemma",
}  # fmt: skip


@pytest.fixture
def mine(tmp_path):
    """A copy of a folder of the family that may be changed."""

    def copy(family: str, **config):
        out = tmp_path / family
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder(family), out)
        path = out / "config.json"
        said = json.loads(path.read_text()) | config
        path.write_text(json.dumps({k: v for k, v in said.items() if v is not ...}))
        return out

    return copy


def test_the_names_that_scripts_rely_on():
    infos = {info.name: info for info in known_models()}
    assert set(infos) >= CONTRACT
    assert infos["tiny"].available
    for name in CONTRACT - {"tiny"}:
        assert infos[name].hub is not None
        assert infos[name].available or infos[name].hub in infos[name].why


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_takes_its_family_from_its_config(family):
    info = find_model(str(folder(family)))
    assert (info.family, info.kind, info.name) == (family, "diffusion", family)


def test_a_family_can_be_forced(mine):
    strange = mine("dream", model_type="qwen2_diffusion", architectures=["Strange"])
    with pytest.raises(UsageError, match=r"model_type 'qwen2_diffusion' is not known.*--family"):
        find_model(str(strange))
    assert load_model(find_model(str(strange), family="dream"), "cpu").family == "dream"
    with pytest.raises(UsageError, match=r"unknown family 'draem' \(did you mean 'dream'\?\)"):
        find_model(str(strange), family="draem")
    with pytest.raises(PbenchError):  # its tensors are not LLaDA's
        load_model(find_model(str(strange), family="llada"), "cpu")


def test_a_foreign_model_with_code_of_its_own_is_not_run(mine):
    strange = mine(
        "dream", model_type="alien", architectures=["Alien"], auto_map={"AutoModel": "alien.Alien"}
    )
    with pytest.raises(UsageError, match="its own code \\(auto_map\\) is run only with --trust-remote-code"):
        find_model(str(strange))


@pytest.mark.parametrize("name", ["", "draem", "/no/such/folder", "a/b/c", "./gone"])
def test_unknown_names_are_usage_errors_without_a_network(name):
    with pytest.raises(UsageError, match="unknown model"):
        find_model(name)


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("llada", {"d_model": ...}, "d_model is missing"),
        ("llada", {"n_layers": "2"}, "n_layers must be a whole number"),
        ("llada", {"rope_theta": 0}, "rope_theta must be a positive number"),
        ("llada", {"weight_tying": 1}, "weight_tying must be true or false"),
        ("llada", {"include_qkv_bias": True}, "only False is implemented"),
        ("llada", {"block_type": "sequential"}, "block_type is 'sequential'"),
        ("llada", {"embedding_size": 300}, "the tokenizer has ids up to 399"),
        ("llada", {"embedding_size": 500}, "not \\[500, 32\\]"),
        ("llada", {"mask_token_id": 400}, "mask_token_id 400 is beyond the vocabulary"),
        ("llada", {"mask_token_id": ...}, "mask_token_id 126336 is beyond"),
        ("llada", {"n_layers": 3}, "missing: model.layers.2"),
        ("llada", {"n_layers": 0}, "n_layers is 0; it must be from 1 to 4096"),
        ("llada", {"n_layers": 10**9}, "n_layers is 1000000000; it must be from 1"),
        ("llada", {"n_heads": 0}, "n_heads is 0"),
        ("llada", {"d_model": 10**12}, "d_model is 1000000000000"),
        ("llada", {"embedding_size": 2**24}, "not \\[16777216, 32\\]"),
        ("dream", {"num_attention_heads": 0}, "num_attention_heads is 0"),
        ("sdar", {"block_size": 0}, "block_size is 0"),
        ("fast-dllm-v2", {"bd_size": 0}, "bd_size is 0"),
        ("llada2", {"num_experts": 10**8}, "num_experts is 100000000"),
        ("llada2", {"n_group": 0}, "n_group is 0"),
        ("llada-moe", {"num_experts_per_tok": 0}, "num_experts_per_tok is 0"),
        ("llada", {"n_layers": 1}, "surplus: model.transformer.blocks.1"),
        ("dream", {"rope_scaling": {"type": "yarn", "factor": 4}}, "rope_scaling is"),
        ("dream", {"hidden_act": "gelu"}, "only 'silu' is implemented"),
        ("dream", {"tie_word_embeddings": True}, "surplus: lm_head"),
        ("dream", {"model_type": ...}, "model_type"),
        ("sdar", {"attention_bias": True}, "attention_bias"),
        ("sdar", {"mask_token_id": 399}, "is the id of EOS or pad too"),
    ],
)
def test_a_config_that_does_not_fit_is_one_error_line(mine, family, change, message):
    with pytest.raises(ArtifactError, match=message) as error:
        load_model(find_model(str(mine(family, **change))), "cpu")
    assert "\n" not in str(error.value)


def test_a_missing_special_id_is_the_familys_and_said_aloud(mine):
    out = mine("sdar", pad_token_id=..., vocab_size=151936)
    from pbench.models.masked import _special_ids
    from pbench.models.sdar import SDAR

    ids, notes = _special_ids(
        Config(out / "config.json", json.loads((out / "config.json").read_text())), SDAR
    )
    assert ids.pad == 151643
    assert "published 151643" in notes[0]


def test_the_block_length_is_the_checkpoints(mine):
    from pbench.models.sdar import block_length

    empty = Config(folder("sdar") / "config.json", {})
    assert [block_length(empty, name) for name in ("SDAR-4B-Chat", "SDAR-4B-Chat-b32")] == [4, 32]
    assert block_length(Config(empty.path, {"block_length": 8}), "x-b16") == 8
    assert load_model(find_model(str(mine("fast-dllm-v2", bd_size=8))), "meta").capabilities.block_causal == 8


def test_rope_parameters_in_the_newer_spelling():
    values = json.loads((folder("dream") / "config.json").read_text())
    values.pop("rope_theta")
    values["rope_parameters"] = {"rope_type": "default", "rope_theta": 12345.0}
    assert qwen2_shape(Config(folder("dream"), values)).rope_theta == 12345.0
    values["rope_parameters"]["rope_type"] = "yarn"
    with pytest.raises(ArtifactError, match="rope_type is 'yarn'"):
        qwen2_shape(Config(folder("dream"), values))


def test_tied_embeddings(mine):
    from safetensors.torch import load_file, save_file

    out = mine("dream", tie_word_embeddings=True)
    tensors = load_file(out / "model.safetensors")
    tensors.pop("lm_head.weight")
    save_file(tensors, out / "model.safetensors")
    assert load_model(find_model(str(out)), "cpu").network.head(
        load_model(find_model(str(out)), "cpu").network.model.embed_tokens.weight[:1]
    ).shape == (1, 400)


def test_half_precision_and_the_identity(mine):
    import torch

    out = str(mine("sdar"))
    whole, half = (load_model(find_model(out), "cpu", dtype) for dtype in ("float32", "bfloat16"))
    assert half.network.lm_head.weight.dtype == torch.bfloat16
    assert (whole.identity["dtype"], half.identity["dtype"]) == ("float32", "bfloat16")
    assert whole.identity["files"] == half.identity["files"]
    assert qwen3_shape(
        Config(folder("sdar"), json.loads((folder("sdar") / "config.json").read_text()))
    ).qk_norm
    with pytest.raises(UsageError, match="unknown dtype"):
        load_model(find_model(out), "cpu", "int3")


def test_a_folder_that_is_no_checkpoint_does_not_hide_a_published_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dream").mkdir()
    monkeypatch.setattr(
        "pbench.models.hub.fetch_small_files", lambda repository, _: (folder("dream"), repository)
    )
    assert find_model("dream").hub == "Dream-org/Dream-v0-Instruct-7B"
    (tmp_path / "dream" / "config.json").write_bytes((folder("dream") / "config.json").read_bytes())
    assert find_model("dream").hub is None


def test_an_index_that_names_no_files_is_refused(mine):
    out = mine("llada")
    for named in (3, None, ["a"]):
        (out / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": named}}))
        with pytest.raises(ArtifactError, match=r"index\.json"):
            load_model(find_model(str(out)), "meta")
