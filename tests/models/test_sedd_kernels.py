"""SEDD's kernels against exact computations: matrix exponentials of the noising process on few states."""

from __future__ import annotations

import math

import pytest
import torch

from pbench.models.sedd_kernels import Noise, kernels

TOKENS = 5
DATA = torch.tensor([0.4, 0.05, 0.3, 0.2, 0.05], dtype=torch.float64)
NOISES = {"loglinear": Noise.loglinear(), "geometric": Noise.geometric(1e-4, 20.0)}


def _generator(absorbs: bool) -> torch.Tensor:
    """Rates [to, from] of the noising process."""
    if absorbs:
        rates = -torch.eye(TOKENS + 1, dtype=torch.float64)
        rates[-1] += 1
        return rates
    return torch.full((TOKENS, TOKENS), 1 / TOKENS, dtype=torch.float64) - torch.eye(
        TOKENS, dtype=torch.float64
    )


def _noised(absorbs: bool, sigma: float) -> torch.Tensor:
    """Distribution of a token at total noise sigma."""
    data = torch.cat([DATA, torch.zeros(1, dtype=torch.float64)]) if absorbs else DATA
    return torch.matrix_exp(sigma * _generator(absorbs)) @ data


def _held(absorbs: bool) -> torch.Tensor:
    """The tokens that a step may change: the mask alone, or every one."""
    return torch.tensor([TOKENS]) if absorbs else torch.arange(TOKENS)


def _score(absorbs: bool, sigma: float) -> torch.Tensor:
    """Exact ratios [N, V] of the tokens of `_held`."""
    p = _noised(absorbs, sigma)
    return p.unsqueeze(0) / p[_held(absorbs)].unsqueeze(1)


def _normal(weights: torch.Tensor) -> torch.Tensor:
    return weights / weights.sum(1, keepdim=True)


def _times(steps: int) -> list[float]:
    return [1 + (1e-5 - 1) * i / steps for i in range(steps + 1)]


@pytest.mark.parametrize("noise", NOISES)
def test_the_rate_is_the_derivative_of_sigma(noise: str) -> None:
    found = NOISES[noise]
    for t in (0.1, 0.5, 0.9):
        slope = (found.sigma(t + 1e-6) - found.sigma(t - 1e-6)) / 2e-6
        assert found.rate(t) == pytest.approx(slope, rel=1e-6)


def test_loglinear_noise_leaves_a_share_of_one_minus_t() -> None:
    assert math.exp(-NOISES["loglinear"].sigma(0.5)) == pytest.approx(1 - 0.5 * 0.999)


@pytest.mark.parametrize("absorbs", [True, False])
@pytest.mark.parametrize("noise", NOISES)
def test_analytic_steps_are_the_exact_posterior(absorbs: bool, noise: str) -> None:
    """p(x_s = v | x_t) = p_s(v) P(x_t | x_s = v) / p_t(x_t), for every step of the schedule."""
    schedule = NOISES[noise]
    rules = kernels(schedule, absorbs, "analytic", 4)
    levels = [schedule.sigma(t) for t in _times(4)]
    held = _held(absorbs)
    for (sigma, rule), now, lower in zip(rules, levels, levels[1:], strict=False):
        assert sigma == now
        forward = torch.matrix_exp((now - lower) * _generator(absorbs))
        exact = _noised(absorbs, lower) * forward[held] / _noised(absorbs, now)[held].unsqueeze(1)
        weights = rule(_score(absorbs, sigma), held)
        # Inverting noise e^19 deep loses that much of float64.
        torch.testing.assert_close(weights, exact, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("absorbs", [True, False])
def test_the_last_step_returns_to_the_data(absorbs: bool) -> None:
    """What a token is, given what noise has made of it: the posterior at sigma 0, never a mask."""
    schedule = NOISES["loglinear"]
    sigma, rule = kernels(schedule, absorbs, "euler", 3)[-1]
    assert sigma == pytest.approx(schedule.sigma(1e-5), rel=1e-9)
    held = _held(absorbs)
    forward = torch.matrix_exp(sigma * _generator(absorbs))
    data = torch.cat([DATA, torch.zeros(1, dtype=torch.float64)]) if absorbs else DATA
    exact = _normal(data * forward[held])
    torch.testing.assert_close(_normal(rule(_score(absorbs, sigma), held)), exact, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("absorbs", [True, False])
def test_euler_is_the_exact_step_to_first_order(absorbs: bool) -> None:
    """Its error falls with the square of dt: ten times as many steps, a hundredth of the error."""
    schedule = NOISES["geometric"]
    held = _held(absorbs)
    errors = []
    for steps in (1_000, 10_000):
        place = steps // 2
        sigma, euler = kernels(schedule, absorbs, "euler", steps)[place]
        _, exact = kernels(schedule, absorbs, "analytic", steps)[place]
        score = _score(absorbs, sigma)
        errors.append(float((euler(score, held) - exact(score, held)).abs().max()))
    assert 50 < errors[0] / errors[1] < 200


def test_on_the_absorbing_graph_with_loglinear_noise_the_two_rules_are_one() -> None:
    """There the share of masks falls by the same amount in every step."""
    euler, exact = (kernels(NOISES["loglinear"], True, name, 7) for name in ("euler", "analytic"))
    for (sigma, one), (_, other) in zip(euler, exact, strict=True):
        score = _score(True, sigma)
        torch.testing.assert_close(one(score, _held(True)), other(score, _held(True)))


@pytest.mark.parametrize("predictor", ["euler", "analytic"])
@pytest.mark.parametrize("absorbs", [True, False])
def test_the_chain_ends_in_the_data_distribution(absorbs: bool, predictor: str) -> None:
    """All kernels of a run, multiplied: exact for the analytic rule, near with small Euler steps."""
    rules = kernels(NOISES["loglinear"], absorbs, predictor, 400)
    held = _held(absorbs)
    p = torch.full((TOKENS,), 1 / TOKENS, dtype=torch.float64)
    if absorbs:
        p = torch.zeros(TOKENS + 1, dtype=torch.float64)
        p[-1] = 1
    for sigma, rule in rules:
        step = torch.eye(len(p), dtype=torch.float64)
        step[held] = _normal(rule(_score(absorbs, sigma), held))
        p = p @ step
    torch.testing.assert_close(p[:TOKENS], DATA, rtol=0, atol=2e-3 if predictor == "analytic" else 1e-2)


def test_euler_never_gives_a_negative_weight() -> None:
    score = torch.tensor([[900.0, 1.0, 1.0]], dtype=torch.float64)
    for absorbs, held in ((True, 2), (False, 1)):
        (_, rule), _ = kernels(NOISES["geometric"], absorbs, "euler", 1)
        assert bool((rule(score, torch.tensor([held])) >= 0).all())
