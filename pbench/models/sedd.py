"""SEDD: score-entropy diffusion, which draws whole canvases by its own transition kernels.

The masked samplers do not apply: a step is a draw from a kernel (see `pbench.models.sedd_kernels`),
always at temperature 1, and the number of steps is chosen beforehand. Positions of the prompt are
never drawn. NFE = steps + 1, the last for the denoising step. GPT-2's tokens; the messages are joined
by blank lines. Shapes: R rows, L columns, G answer positions, N drawn positions, V states.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from pbench.config import Strict, validate_options
from pbench.errors import UsageError
from pbench.interfaces import Context, GenerationSettings
from pbench.models.draws import draw
from pbench.models.sedd_canvas import SeddCanvas
from pbench.models.sedd_kernels import Kernel, Noise, Predictor, kernels
from pbench.models.sedd_network import SeddNetwork
from pbench.models.tokens import Tokens
from pbench.models.traced import TracedRow, batches
from pbench.records import Generation, Sample

__all__ = ["SeddGenerator", "SeddOptions"]

_CHUNK_ELEMENTS = 2**23  # of float64 ratios at once: 64 MB in each of a handful of tensors


class SeddOptions(Strict):
    """`steps`: gen_length where none are given; `canvas_length`: prompt + gen_length where none is given.

    A longer canvas is drawn whole, and the answer is its first gen_length positions after the prompt.
    """

    predictor: Predictor = "analytic"
    steps: int | None = Field(None, ge=1)
    canvas_length: int | None = Field(None, ge=1)


class SeddGenerator:
    """See `pbench.interfaces.TextGenerator`."""

    family = "sedd"
    temperature = 1.0  # of the kernels
    Options = SeddOptions

    def __init__(
        self, name: str, network: SeddNetwork, tokens: Tokens, eos_token_id: int, identity: Mapping[str, Any]
    ):
        self.name = name
        self.network = network.eval()
        self.config = network.config
        self.tokens = tokens
        self.identity = identity
        self.eos_token_id = eos_token_id
        self.vocab_size = self.config.tokens
        self.max_length = self.config.model.length
        self.device = network.vocab_embed.embedding.device

    def supports(self, task: str) -> str | None:  # noqa: ARG002 - it can be asked anything
        return None

    def encode(self, sample: Sample) -> list[int]:
        """Prompt token ids: the messages, blank lines between them."""
        return self.tokens.encode(self.tokens.prompt(sample.messages))

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokens.decode(ids)

    def facts(self) -> dict[str, Any]:
        """What `models check` says of it."""
        return {
            "context": self.max_length,
            "vocabulary": {"rows": self.config.states, "tokenizer": self.tokens.size},
            "graph": self.config.graph.type,
            "noise": self.config.noise.type,
            "sampling": "--sampler analytic (default) or euler, at temperature 1; no masked samplers",
        }

    def run(self, samples: Iterable[Sample], settings: GenerationSettings) -> Iterator[Generation]:
        """Answers in batches of one gen_length; UsageError for settings that the kernels do not have."""
        options = self._options(settings)
        for batch in batches(samples, settings.batch_size):
            rows = [self._open(sample, options, settings.seed) for sample in batch]
            yield from (row for row in rows if isinstance(row, Generation))
            rules = self._rules(options, batch[0].gen_length)
            yield from self._decode([row for row in rows if isinstance(row, TracedRow)], rules)

    def context(self, settings: GenerationSettings) -> Context:
        """The canvas that prompt and answer share."""
        length = self._options(settings).canvas_length
        return Context(self.max_length) if length is None else Context(length, setting="--canvas-length")

    def _options(self, settings: GenerationSettings) -> SeddOptions:
        if (
            settings.temperature != self.temperature
            or settings.top_p is not None
            or settings.top_k is not None
        ):
            raise UsageError(
                f"{self.name} draws from its own kernels: it takes --temperature 1, no --top-p and no --top-k"
            )
        options = validate_options(SeddOptions, settings.options, self.name)
        if options.canvas_length is not None and options.canvas_length > self.max_length:
            raise UsageError(f"--canvas-length: {self.name} has {self.max_length} positions")
        return options

    def _rules(self, options: SeddOptions, gen_length: int) -> list[tuple[float, Kernel]]:
        noise = self.config.noise
        if noise.type == "loglinear":
            schedule = Noise.loglinear()
        else:
            schedule = Noise.geometric(noise.sigma_min, noise.sigma_max)
        steps = options.steps or gen_length
        return kernels(schedule, self.config.absorbing, options.predictor, steps)

    def _open(self, sample: Sample, options: SeddOptions, seed: int) -> TracedRow | Generation:
        try:
            prompt = self.encode(sample)
        except UsageError as error:
            return TracedRow(sample, (), 0, seed).failure("prompt", str(error))
        needed = len(prompt) + sample.gen_length
        limit = options.canvas_length or self.max_length
        row = TracedRow(sample, prompt, options.canvas_length or needed, seed)
        if needed > limit:
            longest = f"prompt {len(prompt)} + gen_length {sample.gen_length} tokens"
            return row.failure("too_long", f"{longest} is more than the {limit} of the canvas")
        return row

    @torch.inference_mode()
    def _decode(
        self, rows: Sequence[TracedRow], rules: Sequence[tuple[float, Kernel]]
    ) -> Iterator[Generation]:
        """Draw the canvases of all rows, step by step together."""
        if not rows:
            return
        canvas = SeddCanvas(rows, self.config, self.device)
        for sigma, kernel in rules:
            started = time.perf_counter()
            for row in rows:
                row.count_forward(row.length, row.length)
            self._step(canvas, sigma, kernel)
            share = (time.perf_counter() - started) / len(rows)
            for row in rows:
                row.seconds += share
        for place, row in enumerate(rows):
            if row.failed_at is None:
                yield row.generation(canvas.answer(place), {self.eos_token_id}, self.decode)
            else:
                yield row.failure("non_finite", f"NaN or infinity in the scores at step {row.failed_at}")

    def _step(self, canvas: SeddCanvas, sigma: float, kernel: Kernel) -> None:
        """One forward pass, one draw, and what it changed."""
        network = self.network
        condition = network.condition(sigma)
        hidden = network.hidden(canvas.ids, canvas.lengths, condition)
        uniforms = canvas.uniforms()
        chunk = max(1, _CHUNK_ELEMENTS // self.config.states)
        for rows, columns in (part.unbind(1) for part in canvas.drawn().split(chunk)):
            held = canvas.ids[rows, columns]
            score = network.log_scores(hidden[rows, columns], held, condition, sigma).double().exp()
            weights = kernel(score, held)
            total = weights.sum(1)
            finite = total.isfinite() & (total > 0)
            canvas.fail(rows[~finite])
            weights, held, rows, columns = (x[finite] for x in (weights, held, rows, columns))
            new = draw(weights, uniforms[rows, columns])
            canvas.change(rows, columns, new, _confidence(weights, held, new))


def _confidence(weights: Tensor, held: Tensor, new: Tensor) -> Tensor:
    """Probability of each new token among all that differ from the held one, [N]; NaN where it stays."""
    left = weights.sum(1) - _of(weights, held)
    return torch.where(new == held, torch.nan, _of(weights, new) / left)


def _of(weights: Tensor, tokens: Tensor) -> Tensor:
    return weights.gather(1, tokens.unsqueeze(1)).squeeze(1)
