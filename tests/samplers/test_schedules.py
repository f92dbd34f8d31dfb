from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.decode import Engine, EngineOptions
from pbench.interfaces import BlockPlan
from pbench.samplers import make_sampler
from pbench.samplers.schedules import dream_schedule, even_schedule, exact_schedule
from tests.scripted import Scripted, sample, sure


@pytest.mark.parametrize(
    ("masks", "steps", "counts"),
    [
        (32, 32, (1, 1, 1, 1, 0, *[1] * 26, 2)),
        (32, 16, (2, 1, *[2] * 13, 3)),
        (32, 8, (4, 3, 4, 4, 4, 4, 4, 5)),
        (64, 16, (4, 3, *[4] * 13, 5)),
        (5, 1, (5,)),
    ],
)
def test_dream_rounds_as_its_float32_code_does(masks, steps, counts):
    assert dream_schedule(masks, steps) == counts


@given(masks=st.integers(1, 256), steps=st.integers(1, 256))
def test_schedules_unmask_everything(masks, steps):
    for schedule in (dream_schedule(masks, steps), even_schedule(masks, steps), exact_schedule(masks, steps)):
        assert sum(schedule) == masks
    assert len(dream_schedule(masks, steps)) == steps
    assert 0 not in even_schedule(masks, steps)


def test_dreams_steps_at_k_a_step_are_rounded_up():
    plan = BlockPlan(10, 10, 1, 0, 10, "dream")
    assert make_sampler("confidence", {"k": 3}).plan_block(plan) == dream_schedule(10, 4) == (2, 2, 3, 3)


class Dreamlike(Scripted):
    capabilities = replace(Scripted.capabilities, compat_schedule="dream")


@pytest.mark.parametrize("options", [{"k": 1}, {"steps": 32}])
@pytest.mark.parametrize(
    ("compat", "denoiser", "most"),
    [(None, Dreamlike, 1), ("parallelbench", Dreamlike, 2), ("parallelbench", Scripted, 1)],
)
def test_only_compat_on_a_dream_model_follows_it(options, compat, denoiser, most):
    sampler = make_sampler("confidence", options)
    engine = Engine(denoiser(sure), sampler, 32, EngineOptions(compat=compat))
    (answer,) = engine.run([sample(0, "ab", 32)])
    counts = [answer.commit_step.count(step) for step in range(1, 33)]
    assert (answer.nfe, max(counts), min(counts)) == (32, most, 2 - most)
