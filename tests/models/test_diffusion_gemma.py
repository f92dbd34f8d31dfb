"""DiffusionGemma's loop on a small random checkpoint: against transformers' parts, alone and in batches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pbench.artifacts import read_manifest, read_rows
from pbench.cli import app as root
from pbench.errors import ArtifactError, UsageError
from pbench.interfaces import GenerationSettings, TextGenerator
from pbench.models import find_model, load_model
from pbench.models.diffusion_gemma import DiffusionGemmaGenerator
from pbench.models.diffusion_gemma_canvas import CanvasState, Rules, accepted
from pbench.records import Generation, Sample
from pbench.streams import sample_stream
from tests.models.random_models import SIZE, folder, samples

if not root.app.registered_commands:
    root._register()

PUBLISHED = Rules(steps=48, entropy_bound=0.1, t_max=0.8, t_min=0.4, stability=1, confidence=0.005)


@pytest.fixture(scope="module")
def model() -> DiffusionGemmaGenerator:
    found = load_model(find_model(str(folder("diffusion-gemma"))), "cpu")
    assert isinstance(found, DiffusionGemmaGenerator)
    return found


def run(
    model: DiffusionGemmaGenerator, asked: list[Sample], batch_size: int = 4, **options: Any
) -> dict[str, Generation]:
    settings = GenerationSettings(temperature=1.0, seed=3, batch_size=batch_size, options=options)
    return {row.sample.sample_id: row for row in model.run(asked, settings)}


def essence(rows: dict[str, Generation]) -> dict[str, tuple[Any, ...]]:
    return {
        name: (row.output_ids, row.commit_step, row.nfe, row.nfe_store, row.query_tokens, row.kv_tokens)
        for name, row in rows.items()
    }


def plain_run(
    model: DiffusionGemmaGenerator, sample: Sample, seed: int, rules: Rules
) -> tuple[list[int], list[int]]:
    """One sample as transformers generates, its sampler and criteria called one by one; our draws.

    The answer, and the decoder passes of each canvas.
    """
    from transformers import DynamicCache
    from transformers.models.diffusion_gemma import generation_diffusion_gemma as native

    network = model.network.model
    size, vocab = network.config.canvas_length, network.config.text_config.vocab_size
    stream = sample_stream(seed, sample.task, sample.index, "token")

    def uniforms() -> torch.Tensor:
        return torch.rand(size, generator=stream, dtype=torch.float64)

    ids = torch.tensor([model.encode(sample)])
    encoded, cache, answer, passes = 0, DynamicCache(config=network.config.text_config), [], []
    heat = native.LinearTemperatureScheduleLogitsProcessor(rules.t_min, rules.t_max, rules.steps)
    while len(answer) < sample.gen_length and not set(answer) & model.network.eos_token_ids:
        network.model.encoder(input_ids=ids[:, encoded:], past_key_values=cache)
        encoded = ids.shape[1]
        sampler = native.EntropyBoundSampler(
            native.EntropyBoundSamplerConfig(rules.entropy_bound), size, vocab, rules.steps
        )
        stop = native.StableAndConfidentStoppingCriteria(rules.stability, rules.confidence)
        passes.append(0)
        canvas, last = (uniforms() * vocab).long().unsqueeze(0), None
        for number in range(rules.steps):
            raw = network(
                decoder_input_ids=canvas, past_key_values=cache, self_conditioning_logits=last
            ).logits
            last = heat(ids, raw, rules.steps - number)
            passes[-1] += 1
            sums = last[0].double().softmax(-1).cumsum(-1)
            drawn = [torch.searchsorted(row, u, right=True) for row, u in zip(sums, uniforms(), strict=True)]
            canvas = sampler.accept_canvas(canvas, torch.stack(drawn).unsqueeze(0), last, number)
            noise = (uniforms() * vocab).long().unsqueeze(0)
            canvas = torch.where(sampler.accepted_token_mask, canvas, noise)
            argmax = last.argmax(-1)
            if bool(stop(argmax, last)):
                break
        answer += argmax[0].tolist()
        ids = torch.cat([ids, argmax], 1)
    return answer, passes


@torch.inference_mode()
def test_the_loop_is_that_of_transformers(model: DiffusionGemmaGenerator) -> None:
    asked = samples(6, gen_length=40)
    options = {"steps": 12, "entropy_bound": 20.0, "confidence": 1.0, "t_max": 0.1, "t_min": 0.05}
    found = run(model, asked, batch_size=4, **options)
    network = model.network
    settled = 0
    for sample in asked:
        answer, passes = plain_run(model, sample, 3, replace(model.rules, **options))
        row = found[sample.sample_id]
        end = next((i + 1 for i, t in enumerate(answer) if t in network.eos_token_ids), 40)
        padded = [*answer[:end], *[network.pad_token_id] * 40][:40]
        assert list(row.output_ids or ()) == padded
        assert row.nfe == sum(passes)
        settled += min(passes) < 12
    assert settled, "no canvas settled: the stopping rule was not tried"


def test_batches_change_nothing(model: DiffusionGemmaGenerator) -> None:
    assert isinstance(model, TextGenerator)
    asked = [*samples(7, gen_length=12), *samples(3, gen_length=40)[2:]]
    assert essence(run(model, asked, 1, steps=9)) == essence(run(model, asked, 8, steps=9))


def test_encoder_and_decoder_passes_are_counted_apart(model: DiffusionGemmaGenerator) -> None:
    row = run(model, samples(1, gen_length=40), steps=5, confidence=1e-9)["made/lists/0"]
    prompt = row.input_length or 0
    assert (row.nfe_prefill, row.nfe_store, row.nfe) == (1, 1, 10)
    assert row.query_tokens == prompt + 32 + 10 * 32
    assert row.kv_tokens == prompt + (prompt + 32) + 5 * (prompt + 32) + 5 * (prompt + 64)
    assert len(row.output_ids or ()) == row.gen_length == 40
    last = {event.position: event.token_id for event in row.trace or ()}
    assert tuple(last[i] for i in range(40)) == row.output_ids


def test_what_follows_an_eos_is_padding(
    model: DiffusionGemmaGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every id may end an answer here, so that the first token does."""
    monkeypatch.setattr(model.network, "eos_token_ids", frozenset(range(400)) - {model.network.pad_token_id})
    row = run(model, samples(1, gen_length=40), steps=2)["made/lists/0"]
    assert row.output_ids is not None
    assert row.output_ids[1:] == (model.network.pad_token_id,) * 39
    assert (row.content_length, row.nfe, row.nfe_store) == (0, 2, 0)
    assert row.commit_step is not None
    assert min(row.commit_step) >= 1


def test_numbers_that_are_none_are_an_error_and_spare_the_others(
    model: DiffusionGemmaGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pbench.models.diffusion_gemma_network import GemmaBatch

    logits = GemmaBatch.logits

    def broken(batch: GemmaBatch, canvas: torch.Tensor, last: torch.Tensor | None) -> torch.Tensor:
        found = logits(batch, canvas, last)
        found[batch.lengths == min(lengths), 3, 5] = torch.nan
        return found

    asked = samples(4)
    lengths = [len(model.encode(sample)) for sample in asked]
    monkeypatch.setattr(GemmaBatch, "logits", broken)
    rows = list(run(model, asked, steps=3).values())
    assert [row.status == "error" for row in rows].count(True) == 1
    failed = next(row for row in rows if row.status == "error")
    assert failed.input_length == min(lengths)
    assert failed.error == "NaN or infinity in the logits at step 1"


@pytest.mark.parametrize("bound", [0.02, 0.1, 0.25, 0.3, 1.0, 2.0])
def test_acceptance_is_that_of_transformers(bound: float) -> None:
    from transformers.models.diffusion_gemma import generation_diffusion_gemma as native

    logits = torch.randn(3, 20, 30, generator=torch.Generator().manual_seed(1)) * 9
    sampler = native.EntropyBoundSampler(native.EntropyBoundSamplerConfig(bound), 20, 30, 48)
    zeros = torch.zeros(3, 20, dtype=torch.long)
    sampler.accept_canvas(zeros, zeros, logits, 1)
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    assert torch.equal(accepted(entropy, bound), sampler.accepted_token_mask)


def test_the_bound_leaves_the_largest_entropy_out() -> None:
    entropy = torch.tensor([[0.9, 0.01, 1.5, 0.2, 0.05]])
    counts = {bound: int(accepted(entropy, bound).sum()) for bound in (0.02, 0.05, 0.1, 0.25, 0.3, 1.0, 2.0)}
    assert counts == {0.02: 2, 0.05: 2, 0.1: 3, 0.25: 3, 0.3: 4, 1.0: 4, 2.0: 5}
    assert accepted(entropy, 0.1).tolist() == [[False, True, False, True, True]]
    assert accepted(torch.tensor([[2.0, 2.0]]), 0.1).tolist() == [[True, False]], (
        "one always, the first of a tie"
    )


def test_the_temperature_falls_from_the_first_step() -> None:
    assert PUBLISHED.temperature(0) == pytest.approx(0.8)
    assert PUBLISHED.temperature(24) == pytest.approx(0.6)
    assert PUBLISHED.temperature(47) == pytest.approx(0.4 + 0.4 / 48)


def test_a_canvas_is_done_when_it_is_sure_and_stays_the_same() -> None:
    sure = torch.full((1, 4, 6), -50.0)
    sure[0, :, 2] = 50.0
    other = sure.roll(1, 2)
    state = CanvasState(torch.zeros(1, 4, dtype=torch.float64), 6, PUBLISHED)
    seen = [
        bool(state.step(x.clone(), lambda: torch.zeros(1, 4, dtype=torch.float64)))
        for x in (sure, other, other)
    ]
    assert seen == [False, False, True]
    assert state.argmax.tolist() == [[3, 3, 3, 3]]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": 0.7}, "a temperature schedule of its own"),
        ({"temperature": 1.0, "top_k": 4}, "a temperature schedule of its own"),
        ({"temperature": 1.0, "options": {"gamma": 0.9}}, "unknown key 'gamma'"),
        ({"temperature": 1.0, "options": {"t_min": 0.9}}, "--t-min 0.9 is above --t-max 0.8"),
    ],
)
def test_what_the_loop_does_not_have_is_refused(
    model: DiffusionGemmaGenerator, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        list(model.run((), GenerationSettings(**settings)))


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(folder("diffusion-gemma"), tmp_path / "m")
    return tmp_path / "m"


def _edit(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_the_checkpoints_own_way_of_denoising_is_the_default(changed: Path) -> None:
    sampler = {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.3}
    _edit(
        changed / "generation_config.json",
        max_denoising_steps=7,
        sampler_config=sampler,
        eos_token_id=[1, 106],
    )
    found = load_model(find_model(str(changed)), "meta")
    assert isinstance(found, DiffusionGemmaGenerator)
    assert (found.rules.steps, found.rules.entropy_bound, found.rules.t_max) == (7, 0.3, 0.8)
    assert found.network.eos_token_ids == {1, 106}
    assert found.identity["files"].keys() >= {"generation_config.json", "model.safetensors"}


def test_tensors_that_do_not_fit_are_listed(changed: Path) -> None:
    config = json.loads((changed / "config.json").read_text())
    config["text_config"]["moe_intermediate_size"] = 99
    _edit(changed / "config.json", **config)
    with pytest.raises(ArtifactError, match=r"of another shape: .*experts\.down_proj"):
        load_model(find_model(str(changed)), "cpu")


@pytest.mark.parametrize("values", [{"text_config": {"hidden_size": "wide"}}, {"canvas_length": "long"}])
def test_a_config_that_is_none_is_an_error_of_the_file(changed: Path, values: dict[str, Any]) -> None:
    _edit(changed / "config.json", **values)
    with pytest.raises(ArtifactError, match=r"config\.json"):
        load_model(find_model(str(changed)), "meta")


def test_the_command_line_decodes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = ["decode", "--model", str(folder("diffusion-gemma")), "--tasks", "copy", "--limit", "2"]
    assert root._run([*command, "--steps", "3", "--gen-length", "40", "--out", "a.parquet"]) == 0
    identity = read_manifest(Path("a.parquet"))["identity"]
    assert identity["sampler"] == {"name": "diffusion-gemma", "options": {"steps": 3}, "given": {"steps": 3}}
    assert identity["temperature"] == 1.0
    rows = list(read_rows(Path("a.parquet"), "generations"))
    assert {(row.nfe, row.nfe_prefill, row.nfe_store) for row in rows} == {(6, 1, 1)}
    assert root._run([*command, "--sampler", "threshold", "--out", "b.parquet"]) == 2
    assert root._run([*command, "--temperature", "0.5", "--out", "b.parquet"]) == 2


def test_models_check_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert root._run(["models", "check", str(folder("diffusion-gemma")), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["model"]
    assert (found["canvas"], found["context"], found["sampling"]["steps"]) == (32, SIZE.max_length, 48)
    assert found["memory_bytes"]["float32"] == 4 * found["parameters"]
