"""A stream of random numbers that is the same on every machine and for every Python: SHA-512 of a key.

The methods of `random.Random` may change between Python versions, and its seeding costs more than
a whole sample; these few do not and do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha512
from struct import Struct
from typing import TypeVar

__all__ = ["Stream"]

T = TypeVar("T")

_WORDS = Struct(">8Q")


class Stream:
    """Random numbers that depend on `key` alone (texts and numbers, taken in order)."""

    __slots__ = ("_blocks", "_key", "_words")

    def __init__(self, *key: str | int):
        self._key = "\x1f".join(map(str, key)).encode()
        self._blocks = 0
        self._words: list[int] = []

    def below(self, n: int) -> int:
        """A number of 0..n-1, uniform up to a bias of n / 2**64; n >= 1."""
        if not self._words:
            block = sha512(self._key + b"\x1f%d" % self._blocks).digest()
            self._words = list(_WORDS.unpack(block))
            self._blocks += 1
        return self._words.pop() * n >> 64

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a new order (Fisher-Yates), every order equally likely."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """k items at different places, in random order; ValueError if there are fewer."""
        if k > len(items):
            raise ValueError(f"{k} different items wanted of {len(items)}")
        if 3 * k > len(items):
            return self.shuffled(items)[:k]
        places: dict[int, None] = {}
        while len(places) < k:
            places[self.below(len(items))] = None
        return [items[place] for place in places]
