"""ReMDM as its authors run it on LLaDA: fill most of a block, redo weak tokens, then finish.

Source: arXiv 2503.00307 and its LLaDA variant. Checked against hand-made timetables; with no
remask steps it is `confidence`. Unlike the public code, the quota is the block's own, and only
tokens that were generated in this block are remasked.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field

from pbench.config import Strict
from pbench.interfaces import BlockPlan, Selection, Step, Traits
from pbench.samplers.pace import Memory, filled, recall, require_room, store, targets, timetable
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import top_n

__all__ = ["Remdm", "RemdmOptions"]


class RemdmOptions(Strict):
    k: int = Field(ge=1, description="tokens a step, the remainder in the last step")
    remask_steps: int | None = Field(
        None, ge=0, le=4096, description="remask-and-refill steps a block; as many as the others if not given"
    )
    remask_number: int = Field(1, ge=1, description="tokens that such a step takes back and fills again")


@dataclass(slots=True)
class Refill(Memory):
    """The memory holds the confidence with which a position was last a candidate: its commit's."""

    table: tuple[int, ...] = ()
    begin: int = 0  # steps before the remask steps
    compat_begin: int = 0
    loops: int = 0


@SAMPLERS.add("remdm")
class Remdm(Policy):
    """The k most confident candidates a step until 7/8 of the block stand, then the rest.

    In between come remask steps: each masks the n tokens that were committed with the lowest
    confidence in this block and fills the n best places anew.
    """

    name = "remdm"
    traits = Traits(may_remask=True, may_idle=True)
    Options = RemdmOptions
    options: RemdmOptions

    def check(self, gen_length: int, block_length: int) -> None:  # noqa: ARG002 - blocks matter alone
        require_room("--k", self.options.k, block_length)
        require_room("--remask-number", self.options.remask_number, block_length)

    def plan_block(self, block: BlockPlan) -> Refill:
        k, wanted = self.options.k, self.options.remask_steps
        table = timetable(block.masks, k)
        full = max(1, 7 * block.masks // 8)
        begin = next(step for step, stands in enumerate(table, 1) if stands >= full)
        compat = min(max(1, 7 * block.length // 8), len(table))
        return Refill(None, table, begin, compat, len(table) if wanted is None else wanted)

    def max_steps(self, block: BlockPlan) -> int:
        state = self.plan_block(block)
        return len(state.table) + state.loops

    def select(self, step: Step) -> Selection:
        states: list[Refill] = step.states
        # The original counts the steps before the remask steps, not the tokens: docs/compat.md.
        begins = [state.compat_begin if step.compat else state.begin for state in states]
        tables = [
            (*s.table[:begin], *[s.table[begin - 1]] * s.loops, *s.table[begin:])
            for s, begin in zip(states, begins, strict=True)
        ]
        record = recall(states, torch.full_like(step.confidence, torch.inf))
        record = torch.where(step.to_unmask, step.confidence, record)
        store(states, record)
        commit = top_n(step.confidence, step.to_unmask, targets(step, tables) - filled(step))
        stands = commit | (~step.to_unmask & ~step.fixed)
        redo = [
            self.options.remask_number if begin <= number + 1 < begin + state.loops else 0
            for state, begin, number in zip(states, begins, step.numbers, strict=True)
        ]
        weak = top_n(-record, stands, torch.tensor(redo, device=record.device))
        # What would be committed only to be remasked before the next forward stays a mask.
        return Selection(commit & ~weak, remask=weak & ~step.to_unmask)
