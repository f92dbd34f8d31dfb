"""The words of list tasks: the alphabet, bundled names and nouns, a file of the user, or a list."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

from pbench.errors import UsageError

__all__ = ["TEXTS", "read_words"]

TEXTS = Path(__file__).parent / "texts"

_FORBIDDEN = frozenset('"[],\n\r')
_KEYWORDS = ("alphabet", "names", "nouns")


def read_words(words: str | tuple[str, ...], folder: Path, needed: int) -> tuple[str, ...]:
    """The words of a list task: `alphabet`, `names`, `nouns`, a file (one a line), or a list.

    Raises UsageError if a word cannot stand in a list, occurs twice, or fewer than `needed` exist.
    """
    if isinstance(words, str):
        found = _keyword(words) if words in _KEYWORDS else _checked(_lines(folder / words))
    else:
        found = _checked(words)
    if len(found) < needed:
        raise UsageError(f"words: the longest list needs {needed} different ones, {len(found)} are given")
    return found


@cache
def _keyword(name: str) -> tuple[str, ...]:
    if name == "alphabet":
        return tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    if name == "nouns":
        return _checked(_lines(TEXTS / "nouns.txt"))
    first, last = _lines(TEXTS / "first_names.txt"), _lines(TEXTS / "last_names.txt")
    return _checked(tuple(f"{a} {b}" for a in first for b in last))


def _checked(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if not word or word != word.strip() or not word.isprintable() or not _FORBIDDEN.isdisjoint(word):
            raise UsageError(
                f"words: {word!r} cannot stand in a list: no quotes, commas, brackets, outer spaces"
            )
    word, count = Counter(words).most_common(1)[0] if words else ("", 0)
    if count > 1:
        raise UsageError(f"words: {word!r} stands {count} times")
    return words


def _lines(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise UsageError(
            f"words: {path}: {reason}; give {', '.join(_KEYWORDS)}, a file with a word a line, or a list"
        ) from None
    return tuple(line.strip() for line in text.split("\n") if line.strip())
