"""Text writing: paraphrase a sentence, summarize a dialogue, write a sentence with given words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from pbench.tasks.sentences import draw_words, write_sentence
from pbench.tasks.sources import Needs, Source, read_rows
from pbench.tasks.spec import Question, TaskOptions, Turn

__all__ = ["Paraphrase", "Summarize", "TextOptions", "WordsToSentence"]


class TextOptions(TaskOptions):
    """Options of text tasks: the questions are the entries of `source`, in its order."""

    headline: Literal["score", "grammar_score"] = "grammar_score"
    source: Source = Source()

    finite: ClassVar[bool] = True
    local: ClassVar[bool] = False
    needs: ClassVar[Needs] = ()

    @property
    def bundled(self) -> str:
        """Stem of the embedded file that `source: bundled` means."""
        raise NotImplementedError

    @property
    def origin(self) -> str:
        return self.source.name

    def room(self, pool: Sequence[Any], length: int) -> int:  # noqa: ARG002
        return len(pool)

    def pool(self, folder: Path) -> tuple[dict[str, Any], ...]:
        return read_rows(self.source, self.bundled, folder, self.needs)


class Paraphrase(TextOptions):
    """paraphrase: say the sentence in other words. Source rows: text, paraphrases."""

    type: Literal["paraphrase"]
    takes: ClassVar[frozenset[str]] = frozenset({"text"})
    must_show: ClassVar[frozenset[str]] = frozenset({"text"})
    needs: ClassVar[Needs] = (("text", str), ("paraphrases", list))

    @property
    def bundled(self) -> str:
        return "sentences"

    @property
    def default_metric(self) -> str:
        return "paraphrase"

    def draw(self, turn: Turn) -> Question:
        row = turn.pool[turn.number % len(turn.pool)]
        answer = {"text": row["text"], "examples": row["paraphrases"]}
        return Question({"text": row["text"]}, answer, row["paraphrases"][0])


class Summarize(TextOptions):
    """summarize: a dialogue in one sentence. Source rows: dialogue, summary."""

    type: Literal["summarize"]
    takes: ClassVar[frozenset[str]] = frozenset({"text"})
    must_show: ClassVar[frozenset[str]] = frozenset({"text"})
    needs: ClassVar[Needs] = (("dialogue", str), ("summary", str))

    @property
    def bundled(self) -> str:
        return "dialogues"

    @property
    def default_metric(self) -> str:
        return "summary"

    def draw(self, turn: Turn) -> Question:
        row = turn.pool[turn.number % len(turn.pool)]
        return Question({"text": row["dialogue"]}, {"summary": row["summary"]}, row["summary"])


class WordsToSentence(TextOptions):
    """words_to_sentence: one sentence with the first `num_words` words of a set.

    Source rows: words, and a sentence that uses the first four of them; with more words than
    those there is no reference sentence. Training samples are not from the source: their words are
    drawn from a lexicon and their sentences written by a small grammar, whatever the difficulty.
    """

    type: Literal["words_to_sentence"]
    invents: ClassVar[bool] = True
    difficulty: Literal["easy", "medium", "hard"]
    num_words: int = Field(default=4, ge=1, le=7)

    takes: ClassVar[frozenset[str]] = frozenset({"words", "count"})
    must_show: ClassVar[frozenset[str]] = frozenset({"words"})
    needs: ClassVar[Needs] = (("words", list), ("sentence", str))

    @property
    def bundled(self) -> str:
        return f"words_{self.difficulty}"

    @property
    def default_metric(self) -> str:
        return "words_to_sentence"

    def draw(self, turn: Turn) -> Question:
        row = turn.pool[turn.number % len(turn.pool)]
        words = row["words"][: self.num_words]
        known = all(word in row["sentence"] for word in words)
        return self._question(words, row["sentence"] if known else None)

    def draw_training(self, turn: Turn) -> Question:
        words = draw_words(self.num_words, turn.stream)
        return self._question(words, write_sentence(words, turn.stream))

    def _question(self, words: list[str], sentence: str | None) -> Question:
        answer = {"words": words} | ({} if sentence is None else {"example": sentence})
        fields = {"words": ", ".join(words), "count": str(len(words))}
        metadata = {"difficulty": self.difficulty, "num_words": len(words)}
        return Question(fields, answer, sentence, metadata)
