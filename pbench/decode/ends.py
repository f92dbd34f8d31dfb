"""Where an answer is over: the rule of `--eos stop`."""

from __future__ import annotations

from torch import Tensor

__all__ = ["ended"]


def ended(answers: Tensor, masked: Tensor, fixed: Tensor, eos_token_id: int, pad_token_id: int) -> Tensor:
    """Bool [R]: rows whose answer holds an EOS or pad with no mask before it and nothing given after it.

    answers, masked and fixed are [R, gen_length].
    """
    ends = (answers == eos_token_id) | (answers == pad_token_id)
    given = fixed & ~ends
    given_after = given.flip(1).cumsum(1).flip(1) > 0
    mask_before = masked.cumsum(1) > 0
    return (ends & ~mask_before & ~given_after).any(1)
