"""The vLLM adapter against a stand-in with the keywords of vllm 0.33, which answers with our own network."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pbench.errors import UsageError
from pbench.interfaces import GenerationSettings
from pbench.models import find_model, load_model
from pbench.tasks import generate, load_suite
from tests.models.autoregressive_checkpoints import write


@dataclass
class SamplingParams:
    """The fields that the adapter uses, under vLLM's names and with its defaults."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop_token_ids: list[int] | None = None
    max_tokens: int | None = 16


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    finish_reason: str | None


@dataclass
class RequestOutput:
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]


@dataclass
class Engine:
    """vLLM's LLM: greedy tokens of transformers, one prompt at a time."""

    model: str
    dtype: str = "auto"
    network: Any = None
    batches: list[list[SamplingParams]] = field(default_factory=list)
    ends_with: str | None = None

    def __post_init__(self) -> None:
        from transformers import AutoModelForCausalLM

        self.network = AutoModelForCausalLM.from_pretrained(self.model, dtype=torch.float32).eval()
        Engine.last = self

    def generate(
        self, prompts: list[dict[str, Any]], sampling_params: list[SamplingParams], *, use_tqdm: bool = True
    ) -> list[RequestOutput]:
        assert not use_tqdm
        self.batches.append(sampling_params)
        pairs = zip(prompts, sampling_params, strict=True)
        return [self.one(prompt["prompt_token_ids"], params) for prompt, params in pairs]

    @torch.inference_mode()
    def one(self, prompt: list[int], params: SamplingParams) -> RequestOutput:
        ids = list(prompt)
        reason = "length"
        for _ in range(params.max_tokens or 0):
            ids.append(int(self.network(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] in (params.stop_token_ids or ()):
                reason = "stop"
                break
        return RequestOutput(prompt, [CompletionOutput(0, "?", ids[len(prompt) :], self.ends_with or reason)])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write(tmp_path / "ar")


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("vllm")
    module.LLM = Engine  # type: ignore[attr-defined]
    module.SamplingParams = SamplingParams  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", module)
    return module


def samples(count: int = 3) -> list[Any]:
    spec = load_suite("waiting_line").tasks[0]
    return [replace(sample, gen_length=12) for sample, _ in zip(generate(spec), range(count), strict=False)]


def rows_of(name: str, settings: GenerationSettings | None = None) -> list[Any]:
    model = load_model(find_model(name), "cpu")
    found = list(model.run(samples(), settings or GenerationSettings(batch_size=2)))
    return sorted(found, key=lambda row: row.sample.index)


def test_the_same_answers_as_transformers(checkpoint, vllm):
    ours, theirs = rows_of(f"vllm:{checkpoint}"), rows_of(f"hf:{checkpoint}")
    assert [row.output_ids for row in ours] == [row.output_ids for row in theirs]
    for name in ("status", "output_text", "content_length", "gen_length", "input_length"):
        assert [getattr(row, name) for row in ours] == [getattr(row, name) for row in theirs]
    assert {row.nfe for row in ours} == {None}


def test_what_is_submitted(checkpoint, vllm):
    rows_of(f"vllm:{checkpoint}")
    engine = Engine.last
    assert [len(batch) for batch in engine.batches] == [2, 1]
    params = engine.batches[0][0]
    assert (params.temperature, params.top_p, params.top_k, params.max_tokens) == (0.0, 1.0, 0, 12)
    assert params.seed is None
    assert params.stop_token_ids
    drawn = GenerationSettings(temperature=0.7, top_p=0.9, top_k=4, seed=1, batch_size=9)
    rows_of(f"vllm:{checkpoint}", drawn)
    first, second, _ = Engine.last.batches[0]
    assert (first.temperature, first.top_p, first.top_k) == (0.7, 0.9, 4)
    assert first.seed != second.seed


def test_samples_that_do_not_fit_and_ends_that_are_none(checkpoint, vllm, monkeypatch):
    model = load_model(find_model(f"vllm:{checkpoint}"), "cpu")
    short, long = samples(2)
    rows = list(model.run([short, replace(long, gen_length=5000)], GenerationSettings(batch_size=2)))
    assert sorted((row.error_kind or "") for row in rows) == ["", "too_long"]
    Engine.last.ends_with = "abort"
    (row,) = model.run([short], GenerationSettings())
    assert (row.status, row.error_kind, row.output_text) == ("error", "unfinished", "")


def test_the_identity_needs_no_engine(checkpoint):
    identity = load_model(find_model(f"vllm:{checkpoint}"), "meta").identity
    assert (identity["family"], identity["dtype"]) == ("vllm", "auto")
    assert "config.json" in identity["files"]


def test_without_the_package(checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(UsageError, match=r"pip install 'pbench\[vllm\]'"):
        load_model(find_model(f"vllm:{checkpoint}"), "cpu")


def test_what_the_engine_cannot_load(checkpoint, vllm, monkeypatch):
    def refuse(**_: Any) -> None:
        raise ValueError("Model architectures are not supported\nfor now")

    monkeypatch.setattr(vllm, "LLM", refuse)
    with pytest.raises(UsageError, match=r"vllm:.*are not supported$"):
        load_model(find_model(f"vllm:{checkpoint}"), "cpu")
