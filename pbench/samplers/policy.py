"""What most samplers share: options kept, any lengths accepted, no state of their own."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel

from pbench.interfaces import BlockPlan, Selection, Step, Traits

__all__ = ["Policy"]


class Policy:
    """Base class; a subclass sets the names and Options and writes `select`."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    traits: ClassVar[Traits] = Traits()
    Options: ClassVar[type[BaseModel]]
    options: Any

    def __init__(self, options: Any):
        self.options = options

    def check(self, gen_length: int, block_length: int) -> None:
        """Refuse lengths with which the options cannot work (UsageError); here: none."""

    def plan_block(self, block: BlockPlan) -> Any:  # noqa: ARG002 - no state
        """State of one row for one block; here: none."""
        return None

    def max_steps(self, block: BlockPlan) -> int:
        """At least one commit a forward pass: no more passes than masks."""
        return block.masks

    def select(self, step: Step) -> Selection:
        """The decision for one step; each sampler's own."""
        raise NotImplementedError
