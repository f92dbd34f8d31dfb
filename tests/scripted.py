"""A scripted denoiser of a few lines: the Denoiser protocol, and a probe of what the engine asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache

import torch

from pbench.decode.canvas import CanvasView
from pbench.interfaces import CacheUse, Canvas, Capabilities
from pbench.records import Sample

PAD, MASK, EOS = 0, 1, 2
VOCAB = 12
Script = Callable[[Canvas, int, int], torch.Tensor]


class Scripted:
    """Logits by `script(canvas, row, answer position) -> [V]`; counts what it was asked for."""

    name = family = "scripted"
    capabilities = Capabilities(max_length=96, position_ids=True, arbitrary_mask=True, kv_cache=True)
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

    def encode_text(self, text: str) -> list[int]:
        return [3 + ord(c) % (VOCAB - 3) for c in text]

    def new_cache(self) -> dict[int, dict[int, int]]:
        """Slot -> position -> the token id that stood there when it was last computed."""
        return defaultdict(dict)

    def logits(self, canvas: Canvas, positions: torch.Tensor, cache: CacheUse | None = None) -> torch.Tensor:
        self.forwards += 1
        self.asked += len(positions)
        if cache is not None:
            canvas = remembered(canvas, cache)
        rows = []
        for row, column in positions.tolist():
            seen = canvas if canvas.pair_mask is None else seen_from(canvas, column)
            answer = int(canvas.position_ids[row, column] - canvas.prompt_lengths[row])
            rows.append(self.script(seen, row, answer))
        logits = torch.stack(rows) if rows else torch.empty(0, VOCAB)
        logits[:, MASK] = -torch.inf
        return logits


def seen_from(canvas: Canvas, column: int) -> CanvasView:
    """The canvas as the positions of one column see it."""
    assert canvas.pair_mask is not None
    return CanvasView(
        canvas.ids,
        canvas.pair_mask[:, column],
        canvas.position_ids,
        canvas.prompt_lengths,
        canvas.answer_start,
        canvas.length,
    )


def remembered(canvas: Canvas, use: CacheUse) -> CanvasView:
    """Store what is computed anew, and read all the rest as it was last computed."""
    ids = canvas.ids.clone()
    padding = (canvas.answer_start - canvas.prompt_lengths).tolist()
    for row, slot in enumerate(use.slots.tolist()):
        start, stop = int(use.start[row]), int(use.stop[row])
        if start == 0:
            use.memory[slot].clear()
        for column in range(padding[row], canvas.length):
            if start <= column < stop:
                use.memory[slot][column - padding[row]] = int(ids[row, column])
            ids[row, column] = use.memory[slot][column - padding[row]]
    return CanvasView(
        ids,
        canvas.attention_mask,
        canvas.position_ids,
        canvas.prompt_lengths,
        canvas.answer_start,
        canvas.length,
    )


def hashed(canvas: Canvas, row: int, position: int) -> torch.Tensor:
    """Pseudo-random logits that depend on everything a model may see of its row, and on nothing else."""
    visible = canvas.ids[row][canvas.attention_mask[row]]
    return _drawn(tuple(visible.tolist()), position).clone()


@lru_cache(maxsize=200_000)
def _drawn(visible: tuple[int, ...], position: int) -> torch.Tensor:
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
