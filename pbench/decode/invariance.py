"""How far the shape of a batch moves a model's logits and answers (kernels may sum in another order)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pbench.decode.canvas import BatchCanvas
from pbench.decode.engine import Engine
from pbench.decode.options import EngineOptions
from pbench.interfaces import Denoiser
from pbench.records import Sample
from pbench.samplers import make_sampler

__all__ = ["batch_invariance"]


def batch_invariance(denoiser: Denoiser, samples: Sequence[Sample]) -> dict[str, Any]:
    """Compare batches of 1 with one of all `samples`, which have one gen_length.

    `logits_max_difference` is of the first pass, over all answer positions and finite logits;
    `answers_equal` counts samples with the same tokens at the same steps under confidence, one
    token a step.
    """
    gen_length = samples[0].gen_length
    together = _first_logits(denoiser, samples)
    alone = torch.cat([_first_logits(denoiser, [sample]) for sample in samples])
    finite = together.isfinite() & alone.isfinite()
    answers = [_answers(denoiser, samples, size) for size in (1, len(samples))]
    equal = sum(left == right for left, right in zip(*answers, strict=True))
    return {
        "rows": len(samples),
        "gen_length": gen_length,
        "dtype": str(together.dtype).removeprefix("torch."),
        "logits_max_difference": float((together - alone)[finite].abs().max()),
        "logits_largest": float(together[finite].abs().max()),
        "answers_equal": f"{equal} of {len(samples)}",
    }


@torch.inference_mode()
def _first_logits(denoiser: Denoiser, samples: Sequence[Sample]) -> Tensor:
    """Logits [R x gen_length, V] of the canvas of masks."""
    gen_length = samples[0].gen_length
    device = torch.device(denoiser.device)
    canvas = BatchCanvas(gen_length, denoiser.mask_token_id, denoiser.pad_token_id, device)
    blank = [denoiser.mask_token_id] * gen_length
    canvas.extend([denoiser.encode(sample) for sample in samples], [blank] * len(samples))
    return denoiser.logits(canvas, (canvas.answers == denoiser.mask_token_id).nonzero() + _shift(canvas))


def _shift(canvas: BatchCanvas) -> Tensor:
    """From answer positions to columns."""
    return torch.tensor([0, canvas.answer_start], device=canvas.device)


def _answers(denoiser: Denoiser, samples: Sequence[Sample], batch_size: int) -> list[tuple[Any, ...]]:
    sampler = make_sampler("confidence", {"k": 1})
    engine = Engine(denoiser, sampler, samples[0].gen_length, EngineOptions(batch_size=batch_size))
    found = {row.sample.sample_id: row for row in engine.run(samples)}
    rows = [found[sample.sample_id] for sample in samples]
    return [(row.output_ids, row.commit_step) for row in rows]
