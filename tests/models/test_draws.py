"""Tokens drawn by given random numbers."""

from __future__ import annotations

import torch

from pbench.models.draws import draw


def test_draws_follow_the_weights() -> None:
    weights = torch.tensor([0.0, 2.0, 0.0, 1.0, 0.0], dtype=torch.float64).expand(6, 5)
    uniforms = torch.tensor([0.0, 0.5, 0.66, 0.67, 0.99, 1 - 2.0**-53], dtype=torch.float64)
    assert draw(weights, uniforms).tolist() == [1, 1, 1, 3, 3, 3]
