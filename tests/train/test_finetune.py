"""Fine-tuning: the objective, what it changes, and runs that are killed."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.config import content_hash
from pbench.errors import UsageError
from pbench.models import find_model, load_model
from pbench.train import LoraSettings, Place, TuneSettings, read_curve, tune
from pbench.train.examples import encode
from pbench.train.finetune import FineTuner, draw_masks
from pbench.train.forward import masked_logits
from pbench.train.full import all_parameters
from pbench.train.lora import add_adapters
from pbench.train.parallel import Processes
from tests.forks import finish, pbench, said
from tests.models import random_models
from tests.train.made import examples

FEW = TuneSettings(
    tasks=("waiting_line/shuffle",), samples=24, validation=8, epochs=2, batch_size=8, checkpoint_every=2,
    learning_rate=1e-3,
)  # fmt: skip
LORA = LoraSettings(**FEW.model_dump(exclude={"method"}), rank=4, alpha=8)


def silent(_: str) -> None:
    pass


def tuner(model, settings, trained, **options) -> FineTuner:
    return FineTuner(model, settings, trained, examples(8), examples(4), lambda _: None, **options)


def fresh(family: str):
    return load_model(find_model(str(random_models.folder(family))), "cpu")


@given(st.integers(1, 40), st.integers(0, 1000))
def test_shares_are_spread_evenly_and_masks_follow_them(rows, seed):
    masked, share = draw_masks(rows, 400, torch.Generator().manual_seed(seed))
    assert bool(((share > 0) & (share <= 1)).all())
    steps = (share.sort().values - 1e-3) / (1 - 1e-3) * rows
    assert bool((steps.floor().clamp_max(rows - 1) - torch.arange(rows)).abs().max() <= 1)
    assert bool((masked.float().mean(1) - share).abs().max() < 0.15)


def test_the_loss_is_cross_entropy_over_the_share_of_masked_tokens():
    model = fresh("llada")
    run = tuner(model, FEW, all_parameters(model), micro_batch=3)
    chosen = examples(5)
    masked, share = draw_masks(5, 12, torch.Generator().manual_seed(2 * 7))
    rows = encode(model, chosen)
    logits = masked_logits(model, rows, masked).log_softmax(1)
    places = masked.nonzero()
    expected = sum(
        -float(logits[n, rows.answers[row, place]].detach()) / float(share[row]) / 12
        for n, (row, place) in enumerate(places.tolist())
    )
    found = sum(float(part.detach()) for part in run._losses(chosen, 7))
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_size_of_micro_batches_changes_rounding_only():
    curves = []
    for size in (1, 4, 8):
        model = fresh("sdar")
        run = tuner(model, FEW, all_parameters(model), micro_batch=size)
        curves.append([run.train_step() for _ in range(3)])
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)
    assert curves[0] == pytest.approx(curves[2], rel=1e-3)


def test_two_processes_share_a_batch_and_add_up_what_they_find():
    model = fresh("llada")
    alone = tuner(model, FEW, all_parameters(model))
    halves = [
        tuner(model, FEW, all_parameters(model), processes=Processes(rank, 2, "cpu")) for rank in (0, 1)
    ]
    chosen = examples(5)
    total = sum(float(part.detach()) for part in alone._losses(chosen, 3))
    split = [sum(float(part.detach()) for part in half._losses(chosen, 3)) for half in halves]
    assert sum(split) == pytest.approx(total, rel=1e-4)
    assert min(split) > 0


@pytest.mark.parametrize("family", ["llada", "sdar"])
def test_lora_changes_only_the_adapters(family):
    model = fresh(family)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    settings = LORA.model_copy(update={"learning_rate": 1e-2})
    trained = add_adapters(model, settings)
    layers = sum(name.endswith("q_proj.weight") for name in before)
    assert len(trained) == 2 * 3 * layers
    run = tuner(model, settings, trained)
    drawn = {name: p.detach().clone() for name, p in trained.items()}
    for _ in range(2):
        run.train_step()
    after = {name.replace(".base_layer", ""): p for name, p in model.network.named_parameters()}
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(not torch.equal(drawn[name], trained[name]) for name in drawn)


def test_training_lowers_the_loss_and_the_rate_falls_as_a_cosine():
    model = fresh("llada")
    settings = FEW.model_copy(update={"epochs": 30, "learning_rate": 3e-3, "warmup_ratio": 0.1})
    run = tuner(model, settings, all_parameters(model))
    first, rates = run.validation_loss(), []
    while run.step < run.steps:
        run.train_step()
        rates.append(run.measures()["learning_rate"])
    assert run.steps == 30
    assert rates[:3] == pytest.approx([1e-3, 2e-3, 3e-3])
    assert rates[3:] == pytest.approx([1.5e-3 * (1 + math.cos(math.pi * s / 27)) for s in range(27)])
    assert run.validation_loss() < 0.5 * first


def test_families_whose_files_cannot_be_written_are_refused():
    with pytest.raises(UsageError, match="train lora"):
        all_parameters(fresh("llada-moe"))


@pytest.mark.parametrize("family", ["llada", "dream"])
def test_a_fully_tuned_checkpoint_is_read_like_any_other(family, tmp_path):
    info = find_model(str(random_models.folder(family)))
    settings = FEW.model_copy(update={"samples": 8, "epochs": 1, "gen_length": 96})
    tune(info, settings, None, tmp_path / "out", Place(), silent)
    tuned, base = load_model(find_model(str(tmp_path / "out")), "cpu"), load_model(info, "cpu")
    pairs = zip(tuned.network.named_parameters(), base.network.named_parameters(), strict=True)
    changed = {name for (name, new), (_, old) in pairs if not torch.equal(new, old)}
    assert any("v_proj" in name for name in changed)
    assert tuned.tokens.prompt(({"role": "user", "content": "x"},))


def test_a_run_writes_adapter_curve_and_picture_and_is_complete(tmp_path):
    notes: list[str] = []
    tune(find_model("tiny"), LORA, None, tmp_path / "a", Place(), notes.append)
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {
        "adapter_config.json", "adapter_model.safetensors", "pbench.json",
        "training.json", "training.jsonl", "loss.svg",
    }  # fmt: skip
    curve = read_curve(tmp_path / "a")
    assert [line["step"] for line in curve] == [1, 2, 3, 4, 5, 6]
    assert [line["epoch"] for line in curve if "validation_loss" in line] == [1, 2]
    assert "<svg" in (tmp_path / "a" / "loss.svg").read_text()
    before = (tmp_path / "a" / "adapter_model.safetensors").stat().st_ino
    tune(find_model("tiny"), LORA, None, tmp_path / "a", Place(), notes.append)
    assert "complete already" in notes[-1]
    assert (tmp_path / "a" / "adapter_model.safetensors").stat().st_ino == before
    with pytest.raises(UsageError, match="holds another run"):
        tune(find_model("tiny"), LORA.model_copy(update={"seed": 1}), None, tmp_path / "a", Place(), silent)


def test_a_folder_is_of_one_dtype_one_prompt_and_one_length():
    model = fresh("llada")
    run = tuner(model, FEW, all_parameters(model))
    known = content_hash(run.about)
    first = run.training[0]
    before = ({"role": "system", "content": "Be brief."}, *first.sample.messages)
    for sample in (replace(first.sample, messages=before), replace(first.sample, gen_length=13)):
        run.training[0] = replace(first, sample=sample)
        assert content_hash(run.about) != known
    run.training[0] = first
    assert content_hash(run.about) == known
    half = load_model(find_model(str(random_models.folder("llada"))), "cpu", "bfloat16")
    assert content_hash(tuner(half, FEW, all_parameters(half)).about) != known


_COMMAND = (
    "train", "full", "--model", "tiny", "--task", "shuffle", "--samples", "16", "--validation", "4",
    "--epochs", "2", "--batch-size", "4", "--learning-rate", "1e-3", "--checkpoint-every", "3",
    "--threads", "1",
)  # fmt: skip


def _train_killed(arguments: list[str], folder: str) -> None:
    """`pbench train ...` that kills itself in step 6, of its second epoch, two after a checkpoint."""
    step = FineTuner.train_step

    def killed(self: FineTuner) -> float:
        if self.step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self)

    FineTuner.train_step = killed  # type: ignore[method-assign]
    pbench(arguments, folder)


def test_a_run_killed_with_sigkill_continues_the_loss_curve_exactly(tmp_path):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    command = [*_COMMAND, "--out", str(broken)]
    assert finish(_train_killed, command, str(tmp_path)) == -signal.SIGKILL
    assert not (broken / "model.safetensors").exists()
    assert len(_curve(broken)) == 5
    again = said(tmp_path, finish(pbench, command, str(tmp_path)))
    assert "going on from step 3 of" in again.err
    settings = TuneSettings(
        tasks=("shuffle",), samples=16, validation=4, epochs=2, batch_size=4, learning_rate=1e-3,
        checkpoint_every=3,
    )  # fmt: skip
    tune(find_model("tiny"), settings, None, whole, Place(threads=1), silent)
    assert _curve(broken) == _curve(whole)
    assert len(_curve(whole)) == 8
    assert sorted(path.name for path in broken.iterdir()) == sorted(path.name for path in whole.iterdir())
    name = "model.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()


def test_an_interrupted_run_of_adapters_draws_the_dropout_of_a_whole_one(tmp_path, monkeypatch):
    step = FineTuner.train_step

    def stopped(self: FineTuner) -> float:
        if self.step == 3:
            raise KeyboardInterrupt
        return step(self)

    assert LORA.dropout > 0
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    with monkeypatch.context() as patch:
        patch.setattr(FineTuner, "train_step", stopped)
        with pytest.raises(KeyboardInterrupt):
            tune(find_model("tiny"), LORA, None, broken, Place(), silent)
    torch.rand(7)  # what else draws from the stream of the process
    for folder in (broken, whole):
        tune(find_model("tiny"), LORA, None, folder, Place(), silent)
    assert _curve(broken) == _curve(whole)
    name = "adapter_model.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()


def _curve(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]
