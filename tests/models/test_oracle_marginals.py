"""The oracle's marginals are those of an enumeration of the right answers, for every state of the canvas."""

from __future__ import annotations

from itertools import permutations, product

import pytest
import torch

from pbench.models.oracle_marginals import EOS, FIRST_ITEM, MASK, PAD, Asked, marginals
from pbench.models.oracle_questions import BLANK, Kind
from pbench.puzzles import latin_squares, sudoku_grids, sudoku_solutions


def orders(n):
    return [list(order) for order in permutations(range(n))]


def answers(kind: Kind, n: int) -> list[list[int]]:
    """The right answers for n items of the input, written out; item n is the new word."""
    items = list(range(n))
    return {
        Kind.FIXED: [items[::-1]],
        Kind.REPLACE: [[*items[:t], n, *items[t + 1 :]] for t in range(n)],
        Kind.INSERT: [[*items[:t], n, *items[t:]] for t in range(n + 1)],
        Kind.REMOVE: [[*items[:t], *items[t + 1 :]] for t in range(n)],
        Kind.SHUFFLE: orders(n),
        Kind.SHUFFLE_OTHER: [order for order in orders(n) if order != items],
    }[kind]


def enumerated(right: torch.Tensor, tokens: torch.Tensor, vocab_size: int) -> torch.Tensor:
    """[Q, G, V]: the mean over those right answers [A, G] that contradict the fewest shown tokens [Q, G]."""
    contradictions = ((tokens[:, None] != right) & (tokens[:, None] != MASK)).sum(2)
    nearest = (contradictions == contradictions.min(1, keepdim=True).values).double()
    hot = torch.nn.functional.one_hot(right, vocab_size).double()
    return torch.einsum("qa,agv->qgv", nearest, hot) / nearest.sum(1)[:, None, None]


def as_tokens(right: list[list[int]], width: int) -> torch.Tensor:
    """Answers as token ids, EOS up to `width`."""
    return torch.tensor([[FIRST_ITEM + item for item in row] + [EOS] * (width - len(row)) for row in right])


def found(kind, tokens, positions, given, vocab_size):
    """[Q, G, V] by the module itself, all places of all states."""
    states, width = tokens.shape
    state = torch.arange(states).repeat_interleave(width)
    place = torch.arange(width).repeat(states)
    asked = Asked(tokens, torch.full((states,), positions), given.expand(states, -1), state, place)
    return marginals(kind, asked, vocab_size).view(states, width, vocab_size)


def check(kind, right, tokens, given=None):
    vocab_size = FIRST_ITEM + max(max(row) for row in right) + 2
    expected = enumerated(as_tokens(right, tokens.shape[1]), tokens, vocab_size)
    given = torch.tensor([BLANK] if given is None else given)
    result = found(kind, tokens, len(right[0]), given, vocab_size)
    assert torch.equal(result > 0, expected > 0)  # no stray 1e-17 where nothing may stand
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-9)


LISTS = [Kind.FIXED, Kind.REPLACE, Kind.INSERT, Kind.REMOVE, Kind.SHUFFLE, Kind.SHUFFLE_OTHER]


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_of_all_states_that_an_answer_can_be_in(kind, n):
    right = answers(kind, n)
    whole = as_tokens(right, len(right[0]) + 1)
    hidden = torch.tensor(list(product([False, True], repeat=whole.shape[1])))
    states = whole.masked_fill(hidden.unsqueeze(1), MASK).flatten(0, 1)
    check(kind, right, states.unique(dim=0), given=right[0] if kind == Kind.FIXED else None)


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("n", [2, 3, 4])
def test_of_all_states_that_there_are_contradictory_ones_included(kind, n):
    right = answers(kind, n)
    width = len(right[0])
    tokens = [PAD, EOS, MASK, *range(FIRST_ITEM, FIRST_ITEM + max(max(row) for row in right) + 1)]
    if len(tokens) ** width > 10_000:
        tokens = tokens[1:]
    states = torch.tensor(list(product(tokens, repeat=width)))
    check(kind, right, states, given=right[0] if kind == Kind.FIXED else None)


def some_states(grids: list[list[int]], count: int, wrong: float) -> torch.Tensor:
    """Grids with masks, and with a share of wrong cells."""
    stream = torch.Generator().manual_seed(3)
    whole = as_tokens(grids, len(grids[0]))
    chosen = whole[torch.randint(len(whole), (count,), generator=stream)]
    other = whole[torch.randint(len(whole), (count,), generator=stream)]
    mistaken = torch.rand(chosen.shape, generator=stream) < wrong
    masked = torch.rand(chosen.shape, generator=stream) < torch.rand(count, 1, generator=stream)
    return torch.where(mistaken, other, chosen).masked_fill(masked, MASK)


def flat(grids, lowest=0):
    return [[cell - lowest for row in grid for cell in row] for grid in grids]


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_of_latin_squares(size, wrong):
    squares = flat(latin_squares(size))
    check(Kind.LATIN, squares, some_states(squares, 200, wrong), [BLANK] * size**2)


def test_of_all_states_of_the_smallest_latin_squares():
    squares = flat(latin_squares(2))
    states = torch.tensor(list(product([EOS, MASK, FIRST_ITEM, FIRST_ITEM + 1], repeat=4)))
    check(Kind.LATIN, squares, states, [BLANK] * 4)


def test_a_given_first_row_is_never_in_doubt():
    squares = [square for square in flat(latin_squares(4)) if square[:4] == [2, 0, 1, 3]]
    check(Kind.LATIN, squares, some_states(squares, 200, 0.2), [2, 0, 1, 3, *[BLANK] * 12])


@pytest.mark.parametrize("shown", [0, 4, 7, 12])
@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_of_sudokus(shown, wrong):
    grid = sudoku_grids()[100]
    puzzle = [[cell if 4 * r + c < shown else 0 for c, cell in enumerate(row)] for r, row in enumerate(grid)]
    solutions = flat(sudoku_solutions(puzzle), lowest=1)
    given = [cell - 1 for row in puzzle for cell in row]
    check(Kind.SUDOKU, solutions, some_states(solutions, 200, wrong), given)


def test_grids_of_several_sizes_in_one_batch():
    small, large = flat(latin_squares(3)), flat(latin_squares(4))
    tokens = torch.full((2, 16), MASK)
    tokens[0, :3] = as_tokens([small[5]], 9)[0, :3]
    tokens[1, :7] = as_tokens([large[99]], 16)[0, :7]
    place = torch.arange(16).repeat(2)
    state = torch.arange(2).repeat_interleave(16)
    asked = Asked(tokens, torch.tensor([9, 16]), torch.full((2, 16), BLANK), state, place)
    result = marginals(Kind.LATIN, asked, 8).view(2, 16, 8)
    torch.testing.assert_close(result[0], enumerated(as_tokens(small, 16), tokens[:1], 8)[0])
    torch.testing.assert_close(result[1], enumerated(as_tokens(large, 16), tokens[1:], 8)[0])


def test_long_lists_do_not_overflow():
    tokens = torch.full((1, 100), MASK)
    result = found(Kind.SHUFFLE_OTHER, tokens, 100, torch.tensor([BLANK]), 110)
    share = result[0, :, FIRST_ITEM : FIRST_ITEM + 100]
    torch.testing.assert_close(share, torch.full((100, 100), 0.01).double())


def test_shuffle_shuns_the_input_by_the_exact_amount():
    tokens = torch.full((1, 3), MASK)
    result = found(Kind.SHUFFLE_OTHER, tokens, 3, torch.tensor([BLANK]), 6)[0, 0, FIRST_ITEM:]
    assert result.tolist() == pytest.approx([1 / 5, 2 / 5, 2 / 5])
    tokens[0, 0] = FIRST_ITEM  # as in the input: the other two must change places
    result = found(Kind.SHUFFLE_OTHER, tokens, 3, torch.tensor([BLANK]), 6)[0, 1, FIRST_ITEM:]
    assert result.tolist() == [0, 0, 1]
