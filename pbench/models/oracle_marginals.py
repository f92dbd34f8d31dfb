"""Exact marginals of one answer position, given what is revealed of the answer; all vectorised.

The right answers of a question are equally probable. What is revealed may contradict all of them
(parallel commits do that): then those count that contradict the fewest revealed tokens, the limit of
a vanishing chance that a revealed token is wrong. At a revealed position the marginal is that
token's own, unless it contradicts.

Shapes: Q states of canvases with G answer positions, N queries (a state and a place in it), V tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from pbench.models.oracle_questions import BLANK, Kind
from pbench.puzzles import latin_squares, sudoku_grids

__all__ = ["EOS", "FIRST_ITEM", "MASK", "PAD", "Asked", "marginals"]

PAD, EOS, MASK = 0, 1, 2
FIRST_ITEM = 3  # item j of a sample has the token id FIRST_ITEM + j

_LATENT = (Kind.REPLACE, Kind.INSERT, Kind.REMOVE)
_ORDERS = (Kind.SHUFFLE, Kind.SHUFFLE_OTHER)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: `place` [N] of canvas `state` [N], for states that show `tokens` [Q, G].

    `positions` [Q] of an answer come before its EOS; `given` [Q, P] as in Question, BLANK beyond.
    """

    tokens: Tensor
    positions: Tensor
    given: Tensor
    state: Tensor
    place: Tensor

    @property
    def own(self) -> Tensor:
        """Tokens [N] that stand at the places asked for."""
        return self.tokens[self.state, self.place]

    @property
    def inside(self) -> Tensor:
        """Bool [Q, G]: positions of the answer, not those behind it."""
        places = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return places < self.positions.unsqueeze(1)


def marginals(kind: int, asked: Asked, vocab_size: int) -> Tensor:
    """Probabilities [N, V], float64, under questions of one kind."""
    if kind == Kind.FIXED:
        found = _fixed(asked, vocab_size)
    elif kind in _LATENT:
        found = _latent(Kind(kind), asked, vocab_size)
    elif kind in _ORDERS:
        found = _orders(kind == Kind.SHUFFLE_OTHER, asked, vocab_size)
    else:
        found = _grids(Kind(kind), asked, vocab_size)
    behind = asked.place >= asked.positions[asked.state]
    if bool(behind.any()):
        found[behind] = 0.0
        found[behind, EOS] = 1.0
    return found


def _fixed(asked: Asked, vocab_size: int) -> Tensor:
    place = asked.place.clamp_max(asked.given.shape[1] - 1)
    return _one_hot((asked.given[asked.state, place] + FIRST_ITEM).clamp_min(PAD), vocab_size)


def _latent(kind: Kind, asked: Asked, vocab_size: int) -> Tensor:
    """One hidden place t says it all: the input before t, the word at t (none to remove), the input after."""
    removed = int(kind == Kind.REMOVE)
    kept = _kept_places(kind, asked)
    up_to = torch.nn.functional.pad(kept.long().cumsum(1), (1, 0))  # [Q, width + 2]: kept places t < column
    total, place = up_to[:, -1][asked.state], asked.place
    here = kept[asked.state, place].long() * (1 - removed)
    after = up_to[asked.state, place + removed]
    before = total - after - here
    word = (_items_of(kind, asked.positions) + FIRST_ITEM)[asked.state]
    found = torch.zeros(len(place), vocab_size, dtype=torch.float64, device=place.device)
    columns = torch.stack([place + FIRST_ITEM, word, place + FIRST_ITEM + _shift(kind)], dim=1)
    weights = torch.stack([before, here, after], dim=1) / total.unsqueeze(1).double()
    return found.scatter_add_(1, columns.clamp_max(vocab_size - 1), weights)


def _kept_places(kind: Kind, asked: Asked) -> Tensor:
    """Bool [Q, G + 1]: hidden places whose answer contradicts the fewest revealed tokens."""
    tokens, inside = asked.tokens, asked.inside
    items = torch.arange(tokens.shape[1], device=tokens.device) + FIRST_ITEM
    word = (_items_of(kind, asked.positions) + FIRST_ITEM).unsqueeze(1)
    before = _sums((tokens == items) & inside)
    after = _sums((tokens == items + _shift(kind)) & inside)
    rest = after[:, -1:] - after  # agreements at places >= t
    if kind == Kind.REMOVE:
        agree = before + rest
    else:
        at = torch.nn.functional.pad((tokens == word) & inside, (0, 1))
        agree = before + at + torch.cat([rest[:, 1:], rest[:, -1:]], dim=1)
    places = torch.arange(tokens.shape[1] + 1, device=tokens.device)
    agree = agree.masked_fill(places >= _places(kind, asked.positions).unsqueeze(1), -1)
    return agree == agree.max(1, keepdim=True).values


def _places(kind: Kind, positions: Tensor) -> Tensor:
    """How many places the hidden one is among."""
    return positions + 1 if kind == Kind.REMOVE else positions


def _items_of(kind: Kind, positions: Tensor) -> Tensor:
    """Items of the input, by the positions of the answer."""
    return positions + _shift(kind)


def _shift(kind: Kind) -> int:
    """Which item follows the hidden place: that of the position, the one before it, the one behind it."""
    return {Kind.REPLACE: 0, Kind.INSERT: -1, Kind.REMOVE: 1}[kind]


def _sums(flags: Tensor) -> Tensor:
    """[Q, G + 1]: how many flags are set in front of each column."""
    return torch.nn.functional.pad(flags.long().cumsum(1), (1, 0))


def _orders(other: bool, asked: Asked, vocab_size: int) -> Tensor:
    """Uniform over the items not yet used; `other`: the input itself is no answer.

    Weights are numbers of orders, over u! for u unused items; `same` of them are the input itself.
    """
    used = _Used.of(asked, vocab_size)
    state = asked.state
    weights = (used.unused * (used.ways / used.unused.sum(1).clamp_min(1)).unsqueeze(1))[state]
    shown = used.counts[state, asked.own].nonzero().squeeze(1)
    if len(shown):
        weights[shown] = _at_shown(used, asked, shown)
    total = used.ways[state]
    if other:
        home = (asked.place + FIRST_ITEM).clamp_max(vocab_size - 1).unsqueeze(1)
        same = used.same[state]
        total = total - same
        weights.scatter_add_(1, home, -same.unsqueeze(1))
        nothing = (total == 0).nonzero().squeeze(1)
        if len(nothing):
            weights[nothing] = _swaps(used, asked, nothing, vocab_size)
            total[nothing] = weights[nothing].sum(1)
    return weights.div_(total.unsqueeze(1))


def _at_shown(used: _Used, asked: Asked, queries: Tensor) -> Tensor:
    """Weights [n, V] at places that show an item: of c places of one item each is as likely the right one."""
    state, own = asked.state[queries], asked.own[queries]
    ways = used.ways[state]
    keeps = ways / used.counts[state, own]
    left = (ways - keeps) / used.unused[state].sum(1).clamp_min(1)
    weights = used.unused[state] * left.unsqueeze(1)
    return weights.scatter_(1, own.unsqueeze(1), keeps.unsqueeze(1))


@dataclass(frozen=True, slots=True)
class _Used:
    """Which items a state shows: `counts` [Q, V], `unused` bool [Q, V].

    `ways` [Q] is the number of choices of one occurrence of each shown item; `same` [Q] is 1 / u!
    where the input itself is among the orders that contradict least, else 0.
    """

    counts: Tensor
    unused: Tensor
    ways: Tensor
    same: Tensor

    @classmethod
    def of(cls, asked: Asked, vocab_size: int) -> _Used:
        tokens, width = asked.tokens, asked.tokens.shape[1]
        ids = torch.arange(vocab_size, device=tokens.device)
        is_item = (ids >= FIRST_ITEM) & (ids < FIRST_ITEM + asked.positions.unsqueeze(1))
        counts = torch.zeros_like(is_item, dtype=torch.long).scatter_add_(1, tokens, asked.inside.long())
        counts = counts * is_item
        unused = is_item & (counts == 0)
        homes = ((tokens == torch.arange(width, device=tokens.device) + FIRST_ITEM) & asked.inside).sum(1)
        is_same = homes == (counts > 0).sum(1)
        ways = counts.clamp_min(1).double().prod(1)
        same = _inverse_factorials(tokens.device, width)[unused.sum(1)] * is_same
        return cls(counts, unused, ways, same)


def _swaps(used: _Used, asked: Asked, queries: Tensor, vocab_size: int) -> Tensor:
    """Weights [n, V] where the input itself is all but written: the answers nearest to it swap two items.

    With one position open (u = 1) it is one of the two; with none (u = 0) any two are.
    """
    state = asked.state[queries]
    home = (asked.place[queries] + FIRST_ITEM).clamp_max(vocab_size - 1).unsqueeze(1)
    unused, positions = used.unused[state], asked.positions[state].unsqueeze(1)
    items = unused | (used.counts[state] > 0)
    one_open, is_open = unused.any(1, keepdim=True), unused.gather(1, home)
    weights = torch.where(is_open | ~one_open, items, unused).double()
    stays = torch.where(one_open, positions - 2, (positions - 1) * (positions - 2) // 2)
    return weights.scatter_(1, home, torch.where(is_open, 0, stays).double())


@cache
def _inverse_factorials(device: torch.device, most: int) -> Tensor:
    """1 / u! for u = 0..most."""
    values = [1 / math.factorial(u) if u < 171 else 0.0 for u in range(most + 1)]
    return torch.tensor(values, dtype=torch.float64, device=device)


def _grids(kind: Kind, asked: Asked, vocab_size: int) -> Tensor:
    """By enumeration: 2 to 576 grids, each a row of a table."""
    found = torch.zeros(len(asked.place), vocab_size, dtype=torch.float64, device=asked.place.device)
    for cells in asked.positions.unique().tolist():
        mine = asked.positions[asked.state] == cells
        table = _table(kind, math.isqrt(cells), asked.tokens.device)
        symbols = table.shape[2]
        width = min(cells, asked.tokens.shape[1])
        shown = _shown(asked.tokens[:, :width] - FIRST_ITEM, cells, symbols)
        flat = table.flatten(1)
        agree = shown.flatten(1) @ flat.T
        if bool((asked.given >= 0).any()):
            given = _shown(asked.given[:, :cells], cells, symbols).flatten(1)
            agree[given @ flat.T < given.sum(1, keepdim=True)] = -1.0
        kept = (agree == agree.max(1, keepdim=True).values).to(flat.dtype)
        counts = (kept @ flat).unflatten(1, (cells, symbols)).double()
        place = asked.place[mine].clamp_max(cells - 1)
        share = counts[asked.state[mine], place] / kept.sum(1).double()[asked.state[mine]].unsqueeze(1)
        found[mine, FIRST_ITEM : FIRST_ITEM + symbols] = share
    return found


def _shown(items: Tensor, cells: int, symbols: int) -> Tensor:
    """[Q, cells, symbols] 1.0 where an item number [Q, up to cells] stands, all 0.0 for anything else."""
    items = torch.nn.functional.pad(items, (0, cells - items.shape[1]), value=BLANK)
    return (items.unsqueeze(2) == torch.arange(symbols, device=items.device)).float()


@cache
def _table(kind: Kind, size: int, device: torch.device) -> Tensor:
    """All grids of a kind [C, cells, symbols], one-hot, float32 (counts below 2^24 are exact)."""
    lowest = 1 if kind == Kind.SUDOKU else 0
    grids = sudoku_grids() if kind == Kind.SUDOKU else latin_squares(size)
    cells = torch.tensor([[cell - lowest for row in grid for cell in row] for grid in grids], device=device)
    return _shown(cells, cells.shape[1], size)


def _one_hot(tokens: Tensor, vocab_size: int) -> Tensor:
    """Float64 [N, V]."""
    found = torch.zeros(len(tokens), vocab_size, dtype=torch.float64, device=tokens.device)
    return found.scatter_(1, tokens.unsqueeze(1), 1.0)
