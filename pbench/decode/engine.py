"""The one denoising loop: blocks left to right, steps until a block has no mask.

A finished row leaves the batch and the next waiting sample joins (continuous batching). The
engine guarantees progress, counts forward passes row by row and writes the trace; what a sampler
decides is checked before it touches the canvas.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pbench.decode.canvas import BatchCanvas
from pbench.decode.rows import Row
from pbench.decode.view import StepView
from pbench.errors import PbenchError, UsageError
from pbench.interfaces import BlockPlan, Denoiser, Sampler, Selection
from pbench.records import Generation, Sample
from pbench.samplers.selection import best

__all__ = ["Engine", "EngineOptions", "nfe_bound", "resolve_block_length"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to decode: `block_length` None = any order over the whole answer."""

    block_length: int | None = None
    temperature: float = 0.0
    seed: int = 0
    batch_size: int = 32


def resolve_block_length(gen_length: int, block_length: int | None) -> int:
    """The block length in tokens; UsageError if it does not divide gen_length."""
    if block_length is None:
        return gen_length
    if block_length < 1 or gen_length % block_length:
        raise UsageError(f"--block-length {block_length} does not divide gen_length {gen_length}")
    return block_length


class Engine:
    """Decodes samples of one gen_length with one denoiser under one sampler."""

    def __init__(self, denoiser: Denoiser, sampler: Sampler, gen_length: int, options: EngineOptions):
        self.denoiser = denoiser
        self.sampler = sampler
        self.options = options
        self.gen_length = gen_length
        self.block_length = resolve_block_length(gen_length, options.block_length)
        sampler.check(gen_length, self.block_length)
        self.canvas = BatchCanvas(
            gen_length, denoiser.mask_token_id, denoiser.pad_token_id, torch.device(denoiser.device)
        )
        self.rows: list[Row] = []

    def run(self, samples: Iterable[Sample]) -> Iterator[Generation]:
        """Answers in the order in which they get ready; a sample's own answer does not depend on it."""
        waiting = deque(samples)
        while waiting or self.rows:
            yield from self._admit(waiting)
            if self.rows:
                yield from self._step()

    def _admit(self, waiting: deque[Sample]) -> Iterator[Generation]:
        """Fill the free places; a sample whose prompt cannot be read is a failure at once."""
        joined: list[Row] = []
        while waiting and len(self.rows) + len(joined) < self.options.batch_size:
            row = self._open(waiting.popleft())
            if isinstance(row, Generation):
                yield row
            else:
                joined.append(row)
        mask = self.denoiser.mask_token_id
        self.canvas.extend([row.prompt for row in joined], [[mask] * self.gen_length for _ in joined])
        self.rows += joined

    def _open(self, sample: Sample) -> Row | Generation:
        row = Row(sample, (), self.gen_length, self.block_length, self.options.seed)
        try:
            row.prompt = self.denoiser.encode(sample)
        except UsageError as error:
            return row.failure("prompt", str(error))
        limit = self.denoiser.capabilities.max_length
        if len(row.prompt) + self.gen_length > limit:
            longest = f"prompt {len(row.prompt)} + gen_length {self.gen_length} tokens"
            return row.failure("too_long", f"{longest} is more than the model's {limit}")
        row.next_block(self.sampler, [True] * self.gen_length)
        return row

    @torch.inference_mode()
    def _step(self) -> Iterator[Generation]:
        """One forward pass of the whole batch, one decision, and the rows that it finished."""
        started = time.perf_counter()
        columns = self._columns()
        tokens = self.canvas.answers.gather(1, columns)
        candidates = tokens == self.denoiser.mask_token_id
        index = candidates.nonzero()
        positions = torch.stack([index[:, 0], columns[index[:, 0], index[:, 1]]], dim=1)
        positions[:, 1] += self.canvas.answer_start
        logits = self.denoiser.logits(self.canvas, positions)
        view = StepView(
            logits,
            index,
            tokens,
            self.canvas.fixed.gather(1, columns),
            temperature=self.options.temperature,
            streams=[row.streams for row in self.rows],
            states=[row.state for row in self.rows],
            numbers=[row.number for row in self.rows],
        )
        selection = self.sampler.select(view)
        share = (time.perf_counter() - started) / len(self.rows)
        for row in self.rows:
            row.count_forward(share)
        self._apply(view, selection, columns)
        yield from self._leave(view.finite_rows.tolist())

    def _columns(self) -> Tensor:
        """Answer positions [R, W] of each row's current block."""
        starts = torch.tensor([row.start for row in self.rows], device=self.canvas.device)
        return starts.unsqueeze(1) + torch.arange(self.block_length, device=self.canvas.device)

    def _apply(self, view: StepView, selection: Selection, columns: Tensor) -> None:
        """Write the commits and remasks to the canvas and to the traces."""
        commit = self._checked(selection, view) & view.finite_rows.unsqueeze(1)
        new = view.proposal if selection.tokens is None else selection.tokens
        tokens = torch.where(commit, new, view.tokens)
        remask = selection.remask
        if remask is not None:
            tokens = tokens.masked_fill(remask, self.denoiser.mask_token_id)
            self._record_remasks(remask, view)
        self.canvas.answers.scatter_(1, columns, tokens)
        places = commit.nonzero()
        confidence = view.confidence[places[:, 0], places[:, 1]].tolist()
        edited = (~view.to_unmask)[places[:, 0], places[:, 1]].tolist()
        written = new[places[:, 0], places[:, 1]].tolist()
        for (row, position), token, c, edit in zip(places.tolist(), written, confidence, edited, strict=True):
            self.rows[row].record("edit" if edit else "commit", position, token, c)

    def _record_remasks(self, remask: Tensor, view: StepView) -> None:
        for row, position in remask.nonzero().tolist():
            self.rows[row].record("remask", position, int(view.tokens[row, position]), float("nan"))

    def _checked(self, selection: Selection, view: StepView) -> Tensor:
        """The commits; a rule that breaks the sampler's own declaration is a bug, said at once."""
        traits, name = self.sampler.traits, self.sampler.name
        allowed = ~view.fixed if traits.may_edit else view.to_unmask
        if bool((selection.commit & ~allowed).any()):
            raise PbenchError(f"a bug in sampler {name!r}: it commits positions that are no candidates")
        if selection.remask is not None:
            touchable = ~view.to_unmask & ~view.fixed & ~selection.commit
            if not traits.may_remask or bool((selection.remask & ~touchable).any()):
                raise PbenchError(f"a bug in sampler {name!r}: it remasks positions that it may not touch")
        idle = ~selection.commit.any(1, keepdim=True)
        if traits.may_idle or not bool(idle.any()):
            return selection.commit
        return selection.commit | (idle & best(view.confidence, view.to_unmask))

    def _leave(self, finite: list[bool]) -> Iterator[Generation]:
        """Hand out what is finished or has failed, and move the others to their next block."""
        answers = self.canvas.answers
        masked = (answers == self.denoiser.mask_token_id).tolist()
        staying: list[int] = []
        finished: list[Generation] = []
        for place, row in enumerate(self.rows):
            block = masked[place][row.start : row.start + self.block_length]
            if not finite[place]:
                finished.append(row.failure("non_finite", f"NaN or infinity in the logits at step {row.nfe}"))
            elif any(block) and row.number >= row.max_steps:
                finished.append(row.failure("no_progress", f"block still masked after {row.number} steps"))
            elif any(block) or row.next_block(self.sampler, masked[place]):
                staying.append(place)
            else:
                finished.append(row.generation(answers[place].tolist(), self.denoiser))
        if finished:
            self.canvas.keep(staying)
            self.rows = [self.rows[place] for place in staying]
        yield from finished


def nfe_bound(samples: Iterable[Sample], sampler: Sampler, block_length: int | None) -> int:
    """Most forward passes that `samples` can take, all together (as if they were decoded one by one).

    UsageError for lengths that the sampler refuses, as the run itself would raise.
    """
    total = 0
    for gen_length, samples_of_it in Counter(sample.gen_length for sample in samples).items():
        block = resolve_block_length(gen_length, block_length)
        sampler.check(gen_length, block)
        blocks = gen_length // block
        plans = [BlockPlan(block, block, blocks, index, gen_length) for index in range(blocks)]
        total += samples_of_it * sum(sampler.max_steps(plan) for plan in plans)
    return total
