"""Which samples are to be decoded, which a worker has, and which one takes workers down with it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from math import ceil

from pbench.records import Sample

__all__ = ["MOST_LOSSES", "SampleQueue", "chunk_size"]

MOST_LOSSES = 3  # a sample that went down with so many workers is given up


def chunk_size(left: int, total: int, workers: int, batch_size: int) -> int:
    """How many of `left` (of `total`) samples to hand to one of `workers` with `batch_size` rows at a time.

    Half of its share of what is left, in whole batches, so that chunks get smaller towards the end
    and no worker is left with much when the others are done; at least a batch, because a smaller
    one takes as many steps; never more than its share of all.
    """
    batches = left // workers // 2 // batch_size
    return min(left, ceil(total / workers), max(1, batches) * batch_size)


class SampleQueue:
    """Samples handed out in chunks; a worker's unfinished ones come back when it is lost."""

    def __init__(self, samples: Iterable[Sample]):
        self._waiting = deque(samples)
        self._total = len(self._waiting)
        self._suspects: deque[Sample] = deque()
        self._losses: Counter[str] = Counter()
        self._held: dict[str, dict[str, Sample]] = {}

    @property
    def finished(self) -> bool:
        """Whether nothing waits and nobody holds anything."""
        return not self._waiting and not self._suspects and not any(self._held.values())

    def take(self, worker: str, workers: int, batch_size: int) -> list[Sample]:
        """The next chunk for `worker`, empty if nothing waits.

        What went down with a worker before comes last: once more as a batch, then alone, where
        it takes no other sample with it.
        """
        if self._waiting:
            count = chunk_size(len(self._waiting), self._total, workers, batch_size)
            chunk = [self._waiting.popleft() for _ in range(count)]
        else:
            chunk = self._take_suspects(batch_size)
        self._held[worker] = {sample.sample_id: sample for sample in chunk}
        return chunk

    def done(self, worker: str, sample_id: str) -> None:
        """`worker` has answered."""
        del self._held[worker][sample_id]

    def lose(self, worker: str) -> tuple[int, list[Sample]]:
        """`worker` is gone: how many of its samples wait again, and those that are given up."""
        lost = list(self._held.pop(worker, {}).values())
        self._losses.update(sample.sample_id for sample in lost)
        given_up = [sample for sample in lost if self._losses[sample.sample_id] >= MOST_LOSSES]
        back = [sample for sample in lost if self._losses[sample.sample_id] < MOST_LOSSES]
        self._suspects.extend(back)
        return len(back), given_up

    def _take_suspects(self, most: int) -> list[Sample]:
        chunk: list[Sample] = []
        while self._suspects and len(chunk) < most:
            alone = self._losses[self._suspects[0].sample_id] > 1
            if alone and chunk:
                break
            chunk.append(self._suspects.popleft())
            if alone:
                break
        return chunk

    def rest(self) -> Sequence[Sample]:
        """All that waits, taken out: nobody is left to decode it."""
        rest = [*self._waiting, *self._suspects]
        self._waiting.clear()
        self._suspects.clear()
        return rest
