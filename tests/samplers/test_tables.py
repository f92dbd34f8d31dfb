import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pbench.samplers import tables
from pbench.samplers.tables import argmax, by_row, log_total, peak, peak_and_entropy, top_two


def entropy(table):
    return peak_and_entropy(table)[2]


REDUCTIONS = [argmax, entropy, log_total, top_two]


def made(rows, width, seed=3):
    table = 5 * torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    table[:, 0] = -torch.inf
    return table


@pytest.mark.parametrize("reduce", REDUCTIONS, ids=lambda reduce: reduce.__name__)
@pytest.mark.parametrize("width", [2, 265, 50_257])
def test_a_row_gives_the_same_number_alone_and_among_others(reduce, width):
    table = made(9, width)
    many = reduce(table)
    for count in (1, 2, 3, 5):
        for first in range(10 - count):
            assert torch.equal(reduce(table[first : first + count]), many[first : first + count])


@pytest.mark.parametrize("reduce", REDUCTIONS, ids=lambda reduce: reduce.__name__)
def test_pieces_change_nothing(reduce, monkeypatch):
    table = made(11, 300)
    whole = reduce(table)
    monkeypatch.setattr(tables, "PIECE", 1)
    assert torch.equal(reduce(table), whole)


@given(seed=st.integers(0, 2**31), rows=st.integers(1, 7), width=st.integers(2, 40))
def test_against_float64(seed, rows, width):
    table = made(rows, width, seed)
    wide = table.double()
    assert torch.allclose(log_total(table).double(), wide.logsumexp(1), atol=1e-5)
    assert torch.allclose(entropy(table).double(), torch.special.entr(wide.softmax(1)).sum(1), atol=1e-5)
    assert torch.equal(top_two(table), table.topk(2, dim=1).values)
    assert argmax(table).tolist() == np.argmax(table.numpy(), 1).tolist()


@given(seed=st.integers(0, 2**31), rows=st.integers(1, 7), width=st.integers(2, 40))
def test_one_pass_finds_what_each_pass_finds(seed, rows, width):
    table = made(rows, width, seed)
    for places, total, *_ in (peak(table), peak_and_entropy(table)):
        assert torch.equal(places, argmax(table))
        assert torch.equal(total, log_total(table))


def test_the_lowest_place_wins_a_tie():
    assert argmax(torch.tensor([[0.0, 2.0, 2.0], [1.0, 1.0, 1.0]])).tolist() == [1, 0]
    assert top_two(torch.tensor([[0.0, 2.0, 2.0]])).tolist() == [[2.0, 2.0]]


def test_half_precision_and_no_rows():
    assert argmax(made(3, 10).bfloat16()).shape == (3,)
    for reduce in REDUCTIONS:
        assert len(reduce(torch.empty(0, 10))) == 0


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_total_of_what_is_not_finite_is_not_finite(bad):
    table = made(3, 10)
    table[1, 4] = bad
    assert log_total(table).isfinite().tolist() == [True, False, True]
    assert not log_total(torch.full((1, 4), -torch.inf)).isfinite().any()


def test_a_lone_row_is_summed_like_one_of_many():
    table = made(9, 50_257).nan_to_num(neginf=0)
    many = by_row(lambda t: t.sum(1), table)
    alone = [by_row(lambda t: t.sum(1), table[i : i + 1]) for i in range(9)]
    assert torch.equal(many, torch.cat(alone))
