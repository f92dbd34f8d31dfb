"""PC-Sampler (arXiv 2508.13021): confidence weighed by position and by how rare the token is.

Checked against scores worked out by hand; with decay 0, no clip and a table of equal frequencies
it is `confidence`.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, field_serializer, field_validator
from torch import Tensor

from pbench.config import Strict
from pbench.errors import UsageError
from pbench.interfaces import BlockPlan, Selection, Step
from pbench.samplers.frequencies import FrequencyTable, read_table
from pbench.samplers.pace import filled, require_room, targets, timetable
from pbench.samplers.policy import Policy
from pbench.samplers.registry import SAMPLERS
from pbench.samplers.selection import top_n

__all__ = ["Pc", "PcOptions"]


class PcOptions(Strict):
    k: int = Field(ge=1, description="tokens a step, the remainder in the last step")
    decay: float = Field(0.25, ge=0, le=100, description="larger = more from left to right")
    clip: float = Field(10.0, gt=0, le=1e6, description="upper bound of the score before the decay")
    frequencies: FrequencyTable | None = Field(
        None, description="file of `pbench samplers frequencies`; the model's own table if not given"
    )

    @field_validator("frequencies", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, FrequencyTable) else read_table(value)

    @field_serializer("frequencies")
    def _name(self, table: FrequencyTable | None) -> str | None:
        """What a run's identity says of the table: what is in it, not where it lies."""
        return None if table is None else table.hash[:16]


@SAMPLERS.add("pc", "pc-sampler")
class Pc(Policy):
    """The k candidates with the highest exp(-decay * i) * min(clip, -p * ln(f + 1e-9)) a step.

    i is the position in the block, p the proposal's probability and f its background frequency:
    what stands everywhere (EOS, punctuation) comes later.
    """

    name = "pc"
    aliases = ("pc-sampler",)
    Options = PcOptions
    options: PcOptions

    def __init__(self, options: PcOptions):
        super().__init__(options)
        self._information: Tensor | None = None

    def check(self, gen_length: int, block_length: int) -> None:  # noqa: ARG002 - blocks matter alone
        require_room("--k", self.options.k, block_length)
        if self.options.frequencies is None:
            raise UsageError(
                "sampler 'pc' needs --frequencies FILE for this model;"
                " `pbench samplers frequencies --model MODEL --out FILE` makes one"
            )

    def plan_block(self, block: BlockPlan) -> tuple[int, ...]:
        return timetable(block.masks, self.options.k)

    def max_steps(self, block: BlockPlan) -> int:
        return len(self.plan_block(block))

    def score(self, step: Step) -> Tensor:
        """Float [R, W], higher first."""
        information = self._of_tokens(step.confidence.device)
        rarity = information[step.proposal.clamp_max(len(information) - 1)]
        places = torch.arange(rarity.shape[1], device=rarity.device)
        worth = (step.confidence * rarity).clamp_max(self.options.clip)
        return torch.exp(-self.options.decay * places) * worth

    def select(self, step: Step) -> Selection:
        quota = targets(step, step.states) - filled(step)
        return Selection(top_n(self.score(step), step.to_unmask, quota))

    def _of_tokens(self, device: torch.device) -> Tensor:
        """-ln(f + 1e-9) by token id, the last entry for ids beyond the table; kept once computed."""
        if self._information is None or self._information.device != device:
            assert self.options.frequencies is not None
            values = self.options.frequencies.information()
            self._information = torch.tensor(values, dtype=torch.float32, device=device)
        return self._information
