import pytest

from pbench.report.sweeps import is_adaptive, is_threshold, speed_rank, swept_parameter, usual_parameter


@pytest.mark.parametrize(
    ("sampler", "params", "expected"),
    [
        ("confidence", {"k": 4}, "k"),
        ("confidence", {"steps": 8}, "steps"),
        ("threshold", {"gamma": 0.9}, "gamma"),
        ("klass", {"kl_threshold": 0.01, "gamma": 0.9}, "gamma"),
        ("dilated", {"skip_threshold": 0.3}, "block_length"),
        ("remdm", {"k": 2, "remask_steps": 4}, "k"),
        ("of-a-plug-in", {"temperature": 2, "delta": 0.2}, "delta"),
        ("of-a-plug-in", {"temperature": 2}, None),
        (None, {}, None),
    ],
)
def test_swept_parameter(sampler, params, expected):
    assert swept_parameter(sampler, params) == expected


def test_every_sampler_of_ours_sweeps_an_option_that_it_has():
    """Else each of its settings would be a curve of its own, and PBx not interpolated."""
    from pbench.samplers import SAMPLERS

    for name in SAMPLERS.names():
        options = set(SAMPLERS.get(name).Options.model_fields) | {"block_length", "steps"}
        parameter = swept_parameter(name, dict.fromkeys(options, 1))
        assert parameter == usual_parameter(name)
        assert parameter in options, name
        assert is_adaptive(parameter) == (parameter not in ("k", "steps"))


def test_counts_are_static_and_all_others_adaptive():
    assert [name for name in ("k", "steps", None) if is_adaptive(name)] == []
    adaptive = ("gamma", "factor", "delta", "entropy_bound", "mixture", "block_length")
    assert all(is_adaptive(name) for name in adaptive)
    assert is_threshold("gamma")
    assert not is_threshold("factor")


@pytest.mark.parametrize(
    ("parameter", "slow_to_fast"),
    [
        ("k", [1, 2, 32]),
        ("steps", [32, 8, 1]),
        ("gamma", [0.95, 0.9, 0.5]),
        ("factor", [0.7, 1.0, 1.9]),
        ("delta", [0.3, 0.02]),
        ("block_length", [1, 8, "full"]),
    ],
)
def test_speed_rank_orders_from_slow_to_fast(parameter, slow_to_fast):
    backwards = slow_to_fast[::-1]
    assert sorted(backwards, key=lambda value: speed_rank(parameter, value)) == slow_to_fast
