"""Tools for text metrics that need no model: a checker by rule, a BERTScore by length."""

from __future__ import annotations

from collections.abc import Sequence

from pbench.grammar import Finding


class RuleChecker:
    """Finds every `bad` in a text; counts its calls; cannot judge a text with `crash` while it is ill."""

    name = "rule"
    version = "1.0"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.ill = True

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        self.calls.append(list(texts))
        if self.ill and any("crash" in text for text in texts):
            raise RuntimeError("cannot judge this")
        return [
            [Finding("this is bad", "BAD", text.index("bad"), text.index("bad") + 3, "bad")]
            if "bad" in text
            else []
            for text in texts
        ]


def half(predictions: Sequence[str], references: Sequence[str]) -> list[float]:
    """BERTScore 0.5 for everything; 2.0 (out of range) for equal texts."""
    return [2.0 if p == r else 0.5 for p, r in zip(predictions, references, strict=True)]
