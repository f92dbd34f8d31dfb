"""Adapters: what is read, what is refused, and that merging them is what peft computes unmerged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from pbench.decode import Engine, EngineOptions
from pbench.errors import ArtifactError, UsageError
from pbench.models import find_model, load_model
from pbench.models.adapter import ABOUT, CONFIG, WEIGHTS, apply_adapter, read_adapter, same_model
from pbench.samplers import make_sampler
from pbench.train.forward import masked_logits
from pbench.train.lora import add_adapters, save_adapter
from pbench.train.settings import LoraSettings
from tests.models import random_models
from tests.train.made import batch

SETTINGS = LoraSettings(rank=4, alpha=8, dropout=0.0)


def tuned(family: str, folder):
    """A model with adapters that do something, and the folder that they are saved in."""
    model = load_model(find_model(str(random_models.folder(family))), "cpu")
    trained = add_adapters(model, SETTINGS)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in trained.values():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    save_adapter(folder, model, SETTINGS, trained)
    return model


@pytest.mark.parametrize("family", ["llada", "dream", "sdar", "llada-moe"])
def test_merged_and_unmerged_logits_are_the_same(family, tmp_path):
    unmerged = tuned(family, tmp_path / "a")
    base = random_models.folder(family)
    merged = load_model(find_model(str(base), adapter=tmp_path / "a"), "cpu")
    rows = batch(unmerged)
    masked = torch.rand(rows.answers.shape, generator=torch.Generator().manual_seed(2)) < 0.5
    with torch.no_grad():
        one, other = masked_logits(unmerged, rows, masked), masked_logits(merged, rows, masked)
        plain = masked_logits(load_model(find_model(str(base)), "cpu"), rows, masked)
    finite = torch.isfinite(one)
    assert (one - other)[finite].abs().max() < 1e-5 * one[finite].abs().max()
    assert (one - plain)[finite].abs().max() > 0.1


def test_an_adapted_model_has_another_name_and_identity_and_decodes_otherwise(tmp_path):
    tuned("llada", tmp_path / "mine")
    info = find_model(str(random_models.folder("llada")))
    plain, adapted = load_model(info, "cpu"), load_model(replace(info, adapter=tmp_path / "mine"), "cpu")
    assert adapted.name == "llada+mine"
    assert set(adapted.identity["adapter"]) == {CONFIG, WEIGHTS}
    assert not same_model(plain.identity, adapted.identity)
    meta = load_model(replace(info, adapter=tmp_path / "mine"), "meta")
    assert meta.identity == adapted.identity

    def answers(model):
        engine = Engine(model, make_sampler("confidence", {"k": 2}), 12, EngineOptions())
        return {answer.sample.sample_id: answer.output_ids for answer in engine.run(random_models.samples(3))}

    assert answers(plain) != answers(adapted)


def test_an_adapter_of_another_model_is_refused(tmp_path):
    tuned("llada", tmp_path / "a")
    for family in ("dream", "sdar"):
        with pytest.raises(UsageError, match="it was trained on llada"):
            load_model(find_model(str(random_models.folder(family)), adapter=tmp_path / "a"), "meta")
    (tmp_path / "a" / ABOUT).unlink()  # as plain peft writes it: the shapes decide
    with pytest.raises(UsageError, match="for another model; this one has no"):
        load_model(find_model("tiny", adapter=tmp_path / "a"), "cpu")
    other = load_file(tmp_path / "a" / WEIGHTS)
    wider = {name: t.repeat(1, 2) if "lora_A" in name else t for name, t in other.items()}
    save_file(wider, tmp_path / "a" / WEIGHTS)
    with pytest.raises(UsageError, match=r"is \[32, 64\], this one's \[32, 32\]"):
        load_model(find_model(str(random_models.folder("llada")), adapter=tmp_path / "a"), "cpu")


def test_models_without_a_network_take_no_adapter(tmp_path):
    tuned("llada", tmp_path)
    with pytest.raises(UsageError, match="takes no adapter"):
        load_model(find_model("oracle", adapter=tmp_path), "cpu")


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"use_dora": True}, UsageError, "use_dora"),
        ({"peft_type": "IA3"}, UsageError, "only LORA"),
        ({"rank_pattern": {"q_proj": 2}}, UsageError, "rank_pattern"),
        ({"r": 5}, ArtifactError, "rank 5"),
        ({"r": None}, ArtifactError, "must be numbers"),
    ],
)
def test_what_is_not_plain_lora_is_refused(change, error, match, tmp_path):
    tuned("llada", tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text()) | change
    (tmp_path / CONFIG).write_text(json.dumps(config))
    with pytest.raises(error, match=match):
        read_adapter(tmp_path)


def test_broken_files_are_named(tmp_path):
    with pytest.raises(ArtifactError, match="is it an adapter's folder"):
        read_adapter(tmp_path / "none")
    tuned("llada", tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    lone = {name: tensor for name, tensor in tensors.items() if "lora_A" in name}
    save_file(lone, tmp_path / WEIGHTS)
    with pytest.raises(ArtifactError, match="no half of a LoRA pair"):
        read_adapter(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"no tensors")
    with pytest.raises(ArtifactError, match=WEIGHTS):
        read_adapter(tmp_path)


def test_rank_stabilised_adapters_are_scaled_by_the_root_of_the_rank(tmp_path):
    tuned("llada", tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text()) | {"use_rslora": True}
    (tmp_path / CONFIG).write_text(json.dumps(config))
    adapter = read_adapter(tmp_path)
    assert adapter.scale == 4.0  # 8 / sqrt(4)
    network = torch.nn.ModuleDict({"one": torch.nn.Linear(3, 2, bias=False)})
    before = network["one"].weight.detach().clone()
    pairs = {"one": (torch.ones(1, 3), torch.ones(2, 1))}
    apply_adapter(network, {}, replace(adapter, pairs=pairs, base=None))
    assert torch.allclose(network["one"].weight, before + 4.0)
