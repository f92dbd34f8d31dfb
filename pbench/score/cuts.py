"""Answers longer than what judges them reads: counted, so that no judged beginning passes for the whole."""

from __future__ import annotations

from collections import Counter

from pbench.grammar import GrammarChecker, characters_read
from pbench.metrics import get_metric
from pbench.records import Score

__all__ = ["Cuts"]


class Cuts:
    """Counts by who read only a beginning: `grammar`, the checker; `similarity`, ROUGE, BLEU, BERTScore."""

    def __init__(self, checker: GrammarChecker | None):
        self._grammar = None if checker is None else characters_read(checker)
        self._counts: Counter[str] = Counter()

    def look_at(self, score: Score) -> None:
        """Count an answer that was judged, in whole or in part."""
        metric = get_metric(score.metric)
        grammar = self._grammar if "grammar" in metric.needs else None
        for reader, most in (("grammar", grammar), ("similarity", metric.reads)):
            if score.status != "error" and most is not None and len(score.output_text) > most:
                self._counts[reader] += len(score.output_text.strip()) > most

    @property
    def found(self) -> dict[str, int]:
        """Answers by reader; empty if all were read to their ends."""
        return {reader: count for reader, count in sorted(self._counts.items()) if count}
