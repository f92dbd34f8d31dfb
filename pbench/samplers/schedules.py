"""How many tokens a fixed-rate sampler commits at each step of a block."""

from __future__ import annotations

from itertools import pairwise

import torch

from pbench.errors import UsageError

__all__ = ["check_steps", "dream_schedule", "even_schedule", "exact_schedule"]


def check_steps(steps: int, gen_length: int, block_length: int) -> None:
    """UsageError unless every block gets the same number of steps, and no more than it has tokens."""
    blocks = gen_length // block_length
    if steps % blocks or steps > gen_length:
        multiple = f"a multiple of the {blocks} blocks, " if blocks > 1 else ""
        raise UsageError(f"--steps {steps} must be {multiple}at most gen_length {gen_length}")


def exact_schedule(masks: int, k: int) -> tuple[int, ...]:
    """k tokens a step, the remainder in the last step; (3, 3, 3, 1) for 10 masks and k = 3."""
    whole, rest = divmod(masks, k)
    return (k,) * whole + ((rest,) if rest else ())


def even_schedule(masks: int, steps: int) -> tuple[int, ...]:
    """LLaDA's schedule: masks spread over `steps`, the remainder over the first ones.

    (3, 3, 2, 2) for 10 masks in 4 steps. Fewer masks than steps give one token a step: a forward
    that commits nothing is never planned.
    """
    whole, rest = divmod(masks, steps)
    return tuple(n for n in (whole + (step < rest) for step in range(steps)) if n)


def dream_schedule(masks: int, steps: int) -> tuple[int, ...]:
    """Dream's schedule in ParallelBench's setting (timesteps fall to 0), in float32 as it runs there.

    Each step commits the share 1 - t(i+1)/t(i) of the masks that are left, rounded down, and the last
    one the rest. Rounding makes it uneven, and leaves steps without a commit whose forward pass is spent
    all the same: (4, 3, 4, 4, 4, 4, 4, 5) for 32 masks in 8 steps.
    """
    times = torch.linspace(1, 0, steps + 1)
    counts: list[int] = []
    for now, then in pairwise(times[:-1]):
        counts.append(int((masks - sum(counts)) * (1 - then / now)))
    return (*counts, masks - sum(counts))
