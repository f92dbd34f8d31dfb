"""DiffusionGemma: canvases of random tokens, denoised by transformers' own network in a loop of our own.

There is no mask token, so that the masked samplers do not apply. The prompt and finished canvases go
through the encoder (`nfe_prefill`, `nfe_store`), each denoising step through the decoder (`nfe`).
A canvas always has the checkpoint's length; the answer is the first gen_length tokens, padded after
its EOS. Shapes: R rows, L columns so far, C canvas positions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict, validate_options
from pbench.errors import UsageError
from pbench.interfaces import Context, GenerationSettings
from pbench.models.diffusion_gemma_canvas import CanvasState, Rules
from pbench.models.diffusion_gemma_network import GemmaBatch, GemmaNetwork
from pbench.models.tokens import Tokens
from pbench.models.traced import TracedRow, batches
from pbench.records import Generation, Sample

__all__ = ["DiffusionGemmaGenerator", "DiffusionGemmaOptions"]


class DiffusionGemmaOptions(Strict):
    """What is not given is as the checkpoint's generation_config.json has it, else as published.

    `steps`: most denoising steps of a canvas; `entropy_bound` in nats; the temperature falls from
    `t_max` to `t_min`; a canvas is done when its argmax was the same `stability` steps running and its
    mean entropy is below `confidence`.
    """

    steps: int | None = Field(None, ge=1)
    entropy_bound: float | None = Field(None, gt=0)
    t_max: float | None = Field(None, gt=0)
    t_min: float | None = Field(None, gt=0)
    stability: int | None = Field(None, ge=0)
    confidence: float | None = Field(None, gt=0)


class DiffusionGemmaGenerator:
    """See `pbench.interfaces.TextGenerator`."""

    family = "diffusion-gemma"
    temperature = 1.0  # times the schedule's
    Options = DiffusionGemmaOptions

    def __init__(
        self, name: str, network: GemmaNetwork, tokens: Tokens, rules: Rules, identity: Mapping[str, Any]
    ):
        self.name = name
        self.network = network
        self.tokens = tokens
        self.rules = rules  # the checkpoint's
        self.identity = identity
        self.device = network.device
        self.max_length = network.max_length

    def supports(self, task: str) -> str | None:  # noqa: ARG002 - it can be asked anything
        return None

    def encode(self, sample: Sample) -> list[int]:
        """Prompt token ids, the chat template applied."""
        return self.tokens.encode(self.tokens.prompt(sample.messages))

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokens.decode(ids)

    def facts(self) -> dict[str, Any]:
        """What `models check` says of it."""
        network, rules = self.network, self.rules
        return {
            "context": network.max_length,
            "vocabulary": {"rows": network.vocab_size, "tokenizer": self.tokens.size},
            "special_tokens": {"eos": sorted(network.eos_token_ids), "pad": network.pad_token_id},
            "canvas": network.canvas_length,
            "sampling": {field.name: getattr(rules, field.name) for field in fields(rules)},
        }

    def run(self, samples: Iterable[Sample], settings: GenerationSettings) -> Iterator[Generation]:
        """Answers in batches of one gen_length; UsageError for settings that the loop does not have."""
        rules = self._rules(settings)
        for batch in batches(samples, settings.batch_size):
            rows = [self._open(sample, settings.seed) for sample in batch]
            yield from (row for row in rows if isinstance(row, Generation))
            yield from self._decode([row for row in rows if isinstance(row, TracedRow)], rules)

    def context(self, _settings: GenerationSettings) -> Context:
        return Context(self.max_length, canvas=self.network.canvas_length)

    def _rules(self, settings: GenerationSettings) -> Rules:
        if (
            settings.temperature != self.temperature
            or settings.top_p is not None
            or settings.top_k is not None
        ):
            raise UsageError(
                f"{self.name} has a temperature schedule of its own: --t-max and --t-min; drop --temperature,"
                " --top-p, --top-k"
            )
        options = validate_options(DiffusionGemmaOptions, settings.options, self.name)
        rules = replace(self.rules, **options.model_dump(exclude_none=True))
        if rules.t_min > rules.t_max:
            raise UsageError(f"{self.name}: --t-min {rules.t_min} is above --t-max {rules.t_max}")
        return rules

    def _open(self, sample: Sample, seed: int) -> TracedRow | Generation:
        try:
            prompt = self.encode(sample)
        except UsageError as error:
            return TracedRow(sample, (), 0, seed).failure("prompt", str(error))
        canvases = -(-sample.gen_length // self.network.canvas_length)
        row = TracedRow(sample, prompt, len(prompt) + canvases * self.network.canvas_length, seed)
        if row.length > self.network.max_length:
            longest = f"prompt {len(prompt)} + {canvases} canvases of {self.network.canvas_length} tokens"
            return row.failure("too_long", f"{longest} is more than the model's {self.network.max_length}")
        return row

    @torch.inference_mode()
    def _decode(self, rows: list[TracedRow], rules: Rules) -> Iterator[Generation]:
        """One canvas after the other, until each row has its EOS or its gen_length."""
        if not rows:
            return
        with _timed(rows):
            batch = self.network.start([row.prompt for row in rows])
        for row in rows:
            row.nfe_prefill = 1
            row.query_tokens = row.kv_tokens = len(row.prompt)
        answers: list[list[int]] = [[] for _ in rows]
        while rows:
            canvases = self._denoise(batch, rows, rules, len(answers[0]))
            for answer, canvas in zip(answers, canvases.tolist(), strict=True):
                answer += canvas
            over = [self._over(row, answer) for row, answer in zip(rows, answers, strict=True)]
            yield from (self._row(row, answers[i]) for i, row in enumerate(rows) if over[i])
            going = [i for i, ended in enumerate(over) if not ended]
            rows, answers = [rows[i] for i in going], [answers[i] for i in going]
            if rows:
                batch = batch.of(torch.tensor(going, device=self.device))
                self._store(batch, rows, canvases[going])

    def _denoise(self, batch: GemmaBatch, rows: Sequence[TracedRow], rules: Rules, start: int) -> Tensor:
        """The argmax canvases [R, C] of rows, each denoised until it is done.

        `start` is the canvas's first answer position.
        """
        size = self.network.canvas_length
        live = list(range(len(rows)))

        def uniforms() -> Tensor:
            drawn = [torch.rand(size, generator=rows[i].stream, dtype=torch.float64) for i in live]
            return torch.stack(drawn).to(self.device)

        state = CanvasState(uniforms(), self.network.vocab_size, rules)
        found = torch.zeros_like(state.ids)
        logits: Tensor | None = None
        while live:
            present = [rows[i] for i in live]
            with _timed(present):
                before = state.argmax
                logits = batch.logits(state.ids, logits)
                over = state.step(logits, uniforms)
                _note(present, state, before, start, batch.lengths.tolist())
                found[live] = state.argmax
            staying = (~over).nonzero().squeeze(1)
            live = [live[i] for i in staying.tolist()]
            if 0 < len(live) < len(present):
                batch, logits = batch.of(staying), logits[staying]
                state.keep(staying)
        return found

    def _store(self, batch: GemmaBatch, rows: Sequence[TracedRow], canvases: Tensor) -> None:
        """Encode finished canvases, for the next ones to be read after them."""
        with _timed(rows):
            batch.encode(canvases, torch.ones_like(canvases, dtype=torch.bool))
        for row, length in zip(rows, batch.lengths.tolist(), strict=True):
            row.nfe_store += 1
            row.query_tokens += canvases.shape[1]
            row.kv_tokens += length

    def _over(self, row: TracedRow, answer: Sequence[int]) -> bool:
        full = len(answer) >= row.sample.gen_length
        return full or row.failed_at is not None or not self.network.eos_token_ids.isdisjoint(answer)

    def _row(self, row: TracedRow, answer: Sequence[int]) -> Generation:
        """The answer of gen_length tokens; what comes after its EOS is padding."""
        if row.failed_at is not None:
            return row.failure("non_finite", f"NaN or infinity in the logits at step {row.failed_at}")
        ends = self.network.eos_token_ids
        end = next((i + 1 for i, token in enumerate(answer) if token in ends), len(answer))
        length, pad = row.sample.gen_length, self.network.pad_token_id
        ids = [*answer[:end], *[pad] * length][:length]
        for position in range(end, length):
            row.record(position, pad, math.nan)
        return row.generation(ids, {*ends, pad}, self.decode)


def _note(
    rows: Sequence[TracedRow], state: CanvasState, before: Tensor, start: int, lengths: Sequence[int]
) -> None:
    """Count a step in each row, and record what it changed of the argmax."""
    size = state.ids.shape[1]
    for row, length in zip(rows, lengths, strict=True):
        row.count_forward(size, length + size)
    for place in (~state.finite).nonzero().squeeze(1).tolist():
        rows[place].failed_at = rows[place].nfe
    at = ((state.argmax != before) & state.finite.unsqueeze(1)).nonzero().unbind(1)
    values = (at[0], at[1], state.argmax[at], state.probability[at])
    for place, column, token, probability in zip(*(x.tolist() for x in values), strict=True):
        rows[place].record(start + column, token, probability)


@contextmanager
def _timed(rows: Sequence[TracedRow]) -> Iterator[None]:
    """Share the time that it takes out among the rows."""
    started = time.perf_counter()
    yield
    share = (time.perf_counter() - started) / len(rows)
    for row in rows:
        row.seconds += share
