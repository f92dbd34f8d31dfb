"""The one denoising loop: blocks left to right, steps until a block has no mask.

A finished row leaves the batch and the next waiting sample joins (continuous batching). The
engine guarantees progress, counts forward passes row by row and writes the trace; what a sampler
decides is checked before it touches the canvas.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, repeat

import torch
from torch import Tensor

from pbench.decode.caches import open_cache
from pbench.decode.canvas import BatchCanvas
from pbench.decode.ends import ended
from pbench.decode.forwards import Forwards, Pass
from pbench.decode.gap import GapMeter
from pbench.decode.infill import answer_canvas
from pbench.decode.options import EngineOptions, check_needs, resolve_block_length
from pbench.decode.rows import Row
from pbench.decode.scores import Scoring
from pbench.decode.view import StepView
from pbench.decode.window import Window, open_window
from pbench.errors import PbenchError, UsageError
from pbench.interfaces import BlockPlan, Denoiser, Sampler, Selection, Verifier
from pbench.records import Generation, Sample
from pbench.samplers.selection import best

__all__ = ["Engine", "most_steps", "nfe_bound"]


class Engine:
    """Decodes samples of one gen_length with one denoiser under one sampler."""

    def __init__(
        self,
        denoiser: Denoiser,
        sampler: Sampler,
        gen_length: int,
        options: EngineOptions,
        verifier: Verifier | None = None,
    ):
        """UsageError if the sampler or the options need what there is not, or the lengths do not fit."""
        check_needs(denoiser, sampler, options, verifier)
        self.denoiser = denoiser
        self.sampler = sampler
        self.options = options
        self.gen_length = gen_length
        self.causal = denoiser.capabilities.block_causal
        self.block_length = resolve_block_length(gen_length, options.block_length, self.causal)
        self.width = min(self.block_length, gen_length)
        sampler.check(gen_length, self.width)
        self.schedule = denoiser.capabilities.compat_schedule if options.compat else "even"
        self.canvas = BatchCanvas(
            gen_length, denoiser.mask_token_id, denoiser.pad_token_id, torch.device(denoiser.device)
        )
        cache = open_cache(denoiser, options.cache, blocks=gen_length // self.width)
        self.forwards = Forwards(denoiser, self.canvas, verifier, cache)
        self.scoring = _scoring(denoiser, options)
        meter = GapMeter(denoiser, self.canvas, self.scoring, options.batch_size)
        self.meter = meter if options.measure_gap else None
        self.rows: list[Row] = []
        self.window: Window | None = None

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
        if not joined:
            return
        taken = {row.slot for row in self.rows}
        free = (slot for slot in count() if slot not in taken)
        for row in joined:
            row.slot = next(free)
        self.canvas.extend([row.prompt for row in joined], [row.answer for row in joined])
        self.rows += joined
        self.window = None

    def _open(self, sample: Sample) -> Row | Generation:
        row = Row(sample, (), self.gen_length, self.block_length, self.options.seed, self.schedule)
        row.measured = self.meter is not None
        try:
            row.prompt = self._aligned(self.denoiser.encode(sample))
        except UsageError as error:
            return row.failure("prompt", str(error))
        row.offset = len(row.prompt) % self.block_length if self.causal else 0
        limit = self.denoiser.capabilities.max_length
        if len(row.prompt) + self.gen_length > limit:
            longest = f"prompt {len(row.prompt)} + gen_length {self.gen_length} tokens"
            return row.failure("too_long", f"{longest} is more than the model's {limit}")
        try:
            row.answer = self._blank(sample)
        except UsageError as error:
            return row.failure("canvas", str(error))
        if not row.next_block(self.sampler, [token == self.denoiser.mask_token_id for token in row.answer]):
            return row.generation(list(row.answer), self.denoiser)
        return row

    def _aligned(self, prompt: Sequence[int]) -> Sequence[int]:
        """The original code fills a block-causal model's prompt up to whole blocks; the rule does not."""
        if not self.causal or not self.options.compat:
            return prompt
        return [*prompt, *[self.denoiser.pad_token_id] * (-len(prompt) % self.causal)]

    def _blank(self, sample: Sample) -> list[int]:
        """The answer region before the first step."""
        if not self.options.infill:
            return [self.denoiser.mask_token_id] * self.gen_length
        answer = answer_canvas(sample, self.denoiser, self.options.block_length)
        if len(answer) != self.gen_length:
            raise UsageError(f"its canvas has {len(answer)} positions, not gen_length {self.gen_length}")
        return answer

    @torch.inference_mode()
    def _step(self) -> Iterator[Generation]:
        """One forward pass of the whole batch, one decision, and the rows that it finished."""
        started = time.perf_counter()
        if self.window is None:
            self.window = open_window(self.rows, self.canvas, self.width)
        columns, fixed = self.window.columns, self.window.fixed
        tokens = self.canvas.answers.gather(1, columns)
        to_unmask = (tokens == self.denoiser.mask_token_id) & self.window.inside
        asked = ~fixed if self.sampler.traits.sees_committed else to_unmask
        if self.sampler.traits.shadow:
            found = self.forwards.shadowed(self.rows, columns, asked, ~fixed & ~to_unmask)
        else:
            found = self.forwards.plain(self.rows, columns, asked)
        view = StepView(
            found,
            tokens,
            to_unmask,
            fixed,
            rows=self.rows,
            scoring=self.scoring,
            verify=lambda draft: self.forwards.verify(self.rows, columns, found.index, draft),
        )
        selection = self.sampler.select(view)
        share = (time.perf_counter() - started) / len(self.rows)
        for row in self.rows:
            row.count_forward(share)
        self._apply(view, found, selection, columns)
        if self.options.eos == "stop":
            self._stop(view.finite_rows)
        yield from self._leave(self.window, view.finite_rows.tolist(), self._done(selection))

    def _apply(self, view: StepView, found: Pass, selection: Selection, columns: Tensor) -> None:
        """Write the commits and remasks to the canvas and to the traces."""
        commit = self._checked(selection, view) & view.finite_rows.unsqueeze(1)
        new = _where_given(selection.tokens, selection, view.proposal)
        if self.sampler.traits.may_edit:
            commit = commit & (view.to_unmask | (new != view.tokens))
        gaps = None
        if self.meter is not None:
            gaps = self.meter.measure(self.rows, found, commit & view.to_unmask, new, columns)
        tokens = torch.where(commit, new, view.tokens)
        remask = selection.remask
        if remask is not None:
            tokens = tokens.masked_fill(remask, self.denoiser.mask_token_id)
            self._record_remasks(remask, view, columns)
        self.canvas.answers.scatter_(1, columns, tokens)
        scores = _where_given(selection.confidence, selection, view.top_probability)
        self._record_commits(commit, new, scores, gaps, view, columns)

    def _record_commits(
        self,
        commit: Tensor,
        new: Tensor,
        scores: Tensor,
        gaps: Tensor | None,
        view: StepView,
        columns: Tensor,
    ) -> None:
        at = commit.cpu().numpy().nonzero()
        grids = (columns, new, view.to_unmask, scores)
        values = (at[0], *(each.cpu().numpy()[at] for each in grids))
        bits = repeat(math.nan) if gaps is None else gaps.cpu().numpy()[at].tolist()
        events = zip(*(v.tolist() for v in values), strict=True)
        for (row, position, token, masked, score), gap in zip(events, bits, strict=False):
            self.rows[row].record("commit" if masked else "edit", position, token, score, gap)

    def _record_remasks(self, remask: Tensor, view: StepView, columns: Tensor) -> None:
        at = remask.nonzero().unbind(1)
        for row, position, token in zip(
            *(v.tolist() for v in (at[0], columns[at], view.tokens[at])), strict=True
        ):
            self.rows[row].record("remask", position, token, math.nan)

    def _stop(self, finite: Tensor) -> None:
        """`--eos stop`: fill up the answers that a committed EOS has ended."""
        answers, eos = self.canvas.answers, self.denoiser.eos_token_id
        masked = answers == self.denoiser.mask_token_id
        over = ended(answers, masked, self.canvas.fixed, eos, self.denoiser.pad_token_id) & finite
        for row in over.nonzero().squeeze(1).tolist():
            self.rows[row].stopped = True
        for row, position in (masked & over.unsqueeze(1)).nonzero().tolist():
            self.rows[row].record("commit", position, eos, math.nan, 0.0)  # no choice, so no gap
        answers.masked_fill_(masked & over.unsqueeze(1), eos)

    def _checked(self, selection: Selection, view: StepView) -> Tensor:
        """The commits; a rule that breaks the sampler's own declaration is a bug, said at once."""
        traits, name = self.sampler.traits, self.sampler.name
        allowed = view.asked if traits.may_edit else view.to_unmask
        if bool((selection.commit > allowed).any()):
            raise PbenchError(f"a bug in sampler {name!r}: it commits positions that are no candidates")
        if selection.remask is not None:
            touchable = ~view.to_unmask & ~view.fixed & ~selection.commit
            if not traits.may_remask or bool((selection.remask & ~touchable).any()):
                raise PbenchError(f"a bug in sampler {name!r}: it remasks positions that it may not touch")
        busy = selection.commit.any(1, keepdim=True)
        if traits.may_idle or self.schedule == "dream" or bool(busy.all()):
            return selection.commit
        return selection.commit | (~busy & best(view.confidence, view.to_unmask))

    def _done(self, selection: Selection) -> list[bool]:
        """Per row: may its block end once it holds no mask?"""
        if not self.sampler.traits.may_continue or selection.done is None:
            return [True] * len(self.rows)
        return selection.done.tolist()

    def _leave(self, window: Window, finite: list[bool], done: list[bool]) -> Iterator[Generation]:
        """Hand out what is finished or has failed, and move the others to their next block."""
        masked = self.canvas.answers == self.denoiser.mask_token_id
        unfinished = (masked.gather(1, window.columns) & window.inside).any(1).tolist()
        staying: list[int] = []
        finished: list[Generation] = []
        for place, (row, holes) in enumerate(zip(self.rows, unfinished, strict=True)):
            spent = row.number >= row.max_steps
            if not finite[place]:
                finished.append(row.failure("non_finite", f"NaN or infinity in the logits at step {row.nfe}"))
            elif holes and spent:
                finished.append(row.failure("no_progress", f"block still masked after {row.number} steps"))
            elif not row.stopped and (holes or not (done[place] or spent)):
                staying.append(place)
            elif not row.stopped and row.next_block(self.sampler, masked[place].tolist()):
                staying.append(place)
                self.window = None
            else:
                finished.append(row.generation(self.canvas.answers[place].tolist(), self.denoiser))
        if finished:
            self.canvas.keep(staying)
            self.rows = [self.rows[place] for place in staying]
            self.window = None
        yield from finished


def _scoring(denoiser: Denoiser, options: EngineOptions) -> Scoring:
    ends = (denoiser.eos_token_id, denoiser.pad_token_id)
    return Scoring(
        options.temperature,
        options.compat is not None,
        options.top_p,
        options.top_k,
        suppressed=ends if options.eos == "suppress" else (),
        penalised=ends if options.eos == "penalise" else (),
    )


def _where_given(values: Tensor | None, selection: Selection, default: Tensor) -> Tensor:
    """What the selection says of its own commits; `default` [R, W] where it says nothing."""
    return default if values is None else torch.where(selection.commit, values.to(default.dtype), default)


def nfe_bound(
    samples: Iterable[Sample], sampler: Sampler, block_length: int | None, causal: int | None = None
) -> int:
    """Most forward passes that `samples` can take, all together (as if they were decoded one by one).

    `causal` is the block length of a block-causal model, whose prompt may cut one more block in two.
    UsageError for lengths that the sampler refuses, as the run itself would raise.
    """
    lengths = Counter(sample.gen_length for sample in samples)
    return sum(n * most_steps(length, sampler, block_length, causal) for length, n in lengths.items())


def most_steps(gen_length: int, sampler: Sampler, block_length: int | None, causal: int | None = None) -> int:
    """Most forward passes that one sample can take; arguments and errors as `nfe_bound` has them."""
    width = min(gen_length, resolve_block_length(gen_length, block_length, causal))
    sampler.check(gen_length, width)
    blocks = gen_length // width
    plans = [BlockPlan(width, width, blocks, index, gen_length) for index in range(blocks + bool(causal))]
    return sum(sampler.max_steps(plan) for plan in plans)
