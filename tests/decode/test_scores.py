"""Filters of tokens that are drawn, and suppressed ends."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.decode import Engine, EngineOptions
from pbench.decode.scores import Scoring, among_top_k, among_top_p
from pbench.errors import UsageError
from pbench.samplers import make_sampler
from tests.scripted import EOS, PAD, Scripted, hashed, sample


def kept(filtered: torch.Tensor) -> list[list[int]]:
    return [row.isfinite().nonzero().squeeze(1).tolist() for row in filtered]


def test_top_p_keeps_the_fewest_tokens_that_reach_p():
    logits = torch.tensor([[0.1, 0.5, 0.15, 0.25]]).log()
    assert kept(among_top_p(logits, 0.4)) == [[1]]
    assert kept(among_top_p(logits, 0.6)) == [[1, 3]]
    assert kept(among_top_p(logits, 0.8)) == [[1, 2, 3]]
    assert kept(among_top_p(logits, 1.0)) == [[0, 1, 2, 3]]


def test_ties_go_to_the_lower_id():
    level = torch.zeros(1, 4)
    assert kept(among_top_p(level, 0.3)) == kept(among_top_p(level, 0.5)) == [[0, 1]]
    assert kept(among_top_k(level, 3)) == [[0, 1, 2]]
    assert kept(among_top_k(level, 9)) == [[0, 1, 2, 3]]


@given(
    st.lists(st.lists(st.floats(-20, 20, width=32), min_size=5, max_size=5), min_size=1, max_size=4),
    st.floats(0.01, 1.0),
    st.integers(1, 6),
)
def test_filters_keep_the_best_token_and_change_no_ratio(rows, p, k):
    logits = torch.tensor(rows)
    found = Scoring(1.0, top_p=p, top_k=k).filtered(logits)
    stays = found.isfinite()
    assert bool(stays.gather(1, logits.argmax(1, keepdim=True)).all())
    assert bool((stays.sum(1) <= k).all())
    assert torch.equal(found[stays], logits[stays])


def test_the_temperature_divides_in_float32_and_under_compat_in_the_dtype_of_the_logits():
    one = torch.ones(1, 1, dtype=torch.bfloat16)
    assert Scoring(0.3).tempered(one).item() == pytest.approx(10 / 3, abs=1e-6)
    assert Scoring(0.3, compat=True).tempered(one).item() == 3.328125  # 213 / 64: bfloat16 has 8 bits


def decode(script=hashed, count=40, sampler="confidence", **options):
    engine = Engine(Scripted(script), make_sampler(sampler, {"k": 2}), 8, EngineOptions(**options))
    return {answer.sample.index: answer for answer in engine.run(map(sample, range(count)))}


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-6}])
def test_where_one_token_is_left_all_are_equally_sure_and_the_first_come_first(options):
    found = decode(temperature=1.0, **options)
    expected = decode(sampler="left-to-right")
    for index, answer in found.items():
        assert {event.confidence for event in answer.trace} == {1.0}
        assert answer.output_ids == expected[index].output_ids
        assert answer.commit_step == expected[index].commit_step


def test_filters_narrow_what_is_drawn():
    def level(canvas, row, position):
        return torch.arange(12.0) / 10

    drawn = {
        token for answer in decode(level, temperature=1.0, top_k=3).values() for token in answer.output_ids
    }
    assert drawn == {9, 10, 11}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"top_p": 0.9}, "--top-p chooses among tokens that are drawn; it needs --temperature above 0"),
        ({"top_k": 3}, "--top-k chooses"),
        ({"top_p": 0.0, "temperature": 1.0}, "--top-p 0.0 must be above 0"),
        ({"top_p": 1.5, "temperature": 1.0}, "at most 1"),
        ({"top_k": 0, "temperature": 1.0}, "--top-k 0 must be at least 1"),
    ],
)
def test_filters_out_of_range_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        EngineOptions(**options)


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_suppressed_ends_are_never_written(temperature):
    def ends(canvas, row, position):
        logits = hashed(canvas, row, position)
        logits[EOS] += 9.0
        logits[PAD] += 8.0
        return logits

    free = [t for a in decode(ends, temperature=temperature).values() for t in a.output_ids]
    assert free.count(EOS) > len(free) / 2
    for answer in decode(ends, temperature=temperature, eos="suppress").values():
        assert not {EOS, PAD} & set(answer.output_ids)
        assert answer.content_length == 8
