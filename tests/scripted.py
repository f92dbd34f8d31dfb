"""A scripted denoiser of a few lines: the Denoiser protocol, and a probe of what the engine asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from pbench.interfaces import Canvas, Capabilities
from pbench.records import Sample

PAD, MASK, EOS = 0, 1, 2
VOCAB = 12
Script = Callable[[Canvas, int, int], torch.Tensor]


class Scripted:
    """Logits by `script(canvas, row, answer position) -> [V]`; counts what it was asked for."""

    name = family = "scripted"
    capabilities = Capabilities(max_length=96)
    vocab_size, mask_token_id, eos_token_id, pad_token_id = VOCAB, MASK, EOS, PAD
    device = torch.device("cpu")

    def __init__(self, script: Script):
        self.identity = {"name": self.name, "family": self.family}
        self.script = script
        self.forwards = 0
        self.asked = 0

    def supports(self, task: str) -> str | None:
        return None

    def encode(self, sample: Sample) -> list[int]:
        return [3 + ord(c) % (VOCAB - 3) for c in sample.messages[-1]["content"]]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(ord("a") + token - 3) for token in ids if token > EOS)

    def logits(self, canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
        self.forwards += 1
        self.asked += len(positions)
        rows = [self.script(canvas, r, c - canvas.answer_start) for r, c in positions.tolist()]
        logits = torch.stack(rows)
        logits[:, MASK] = -torch.inf
        return logits


def hashed(canvas: Canvas, row: int, position: int) -> torch.Tensor:
    """Pseudo-random logits that depend on everything a model may see of its row, and on nothing else."""
    visible = canvas.ids[row][canvas.attention_mask[row]].tolist()
    seed = 7
    for token in (*visible, position):
        seed = (seed * 1_000_003 + token + 11) % (2**61 - 1)
    return 3 * torch.randn(VOCAB, generator=torch.Generator().manual_seed(seed))


def sure(canvas: Canvas, row: int, position: int) -> torch.Tensor:
    """Token 3 + position mod 9 everywhere, the surer the further left."""
    logits = torch.zeros(VOCAB)
    logits[3 + position % (VOCAB - 3)] = 12.0 - 0.1 * position
    return logits


def sample(index: int, prompt: str = "abc", gen_length: int = 8, task: str = "test/scripted") -> Sample:
    return Sample(
        sample_id=f"{task}/{index}",
        task=task,
        category="waiting_line",
        index=index,
        messages=({"role": "user", "content": prompt},),
        answer="x",
        gen_length=gen_length,
        metric="list_match",
        headline="score",
    )
