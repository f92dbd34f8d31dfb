"""A small grammar of English: sentences with given words, for training on words_to_sentence.

Determiners agree with their noun (a and an with what follows), verbs with their subject, one tense
holds through a sentence; a front phrase, a relative clause, a second clause and an adverb are
optional. What the sentences say makes little sense: who acts is alive where there is anyone alive,
no more. A token is a word with the space in front of it, so that a list of words and a sentence
hold the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from pbench.errors import UsageError
from pbench.tasks.stream import Stream
from pbench.tasks.words import TEXTS

__all__ = ["draw_words", "lexicon", "sentence_tokens", "write_sentence"]

Kind = Literal["animate", "thing", "mass", "plural", "unique", "adjective"]

MAX_TOKENS = 30


class Verb(NamedTuple):
    """Forms of a verb: past, present of one, present of several."""

    past: str
    one: str
    several: str


def _verbs(*forms: str) -> tuple[Verb, ...]:
    return tuple(Verb(*form.split()) for form in forms)


# Of the living: with an object, without one; of things the same.
_TRANSITIVE = _verbs(
    "saw sees see",
    "liked likes like",
    "found finds find",
    "wanted wants want",
    "watched watches watch",
    "remembered remembers remember",
    "needed needs need",
    "lost loses lose",
)
_INTRANSITIVE = _verbs("waited waits wait", "slept sleeps sleep", "danced dances dance", "sang sings sing")
_COVERING = _verbs(
    "covered covers cover", "touched touches touch", "hid hides hide", "resembled resembles resemble"
)
_STANDING = _verbs(
    "stood stands stand", "remained remains remain", "fell falls fall", "appeared appears appear"
)
_BE = (Verb("was", "is", "are"), Verb("were", "is", "are"))

_ONE = ("the",) * 5 + ("a",) * 4 + ("my", "our", "this", "every")
_SEVERAL = ("the",) * 3 + ("some", "my", "our", "these")
_MASS = ("the",) * 3 + ("some", "my", "this")
_PREPOSITIONS = ("near", "behind", "beside", "under", "with", "without")
_CONJUNCTIONS = ("because", "while", "when", "before", "after")
_ADVERBS = ("often", "never", "always")
_DESCRIPTIONS = ("old", "small", "strange", "ugly", "heavy", "new")
_PEOPLE = ("man", "woman", "child", "girl", "boy", "friend")
_PEOPLES = ("men", "women", "children", "girls", "boys", "friends")
_OBJECTS = ("house", "door", "table", "chair", "box")
_PRONOUNS = (("she", False), ("he", False), ("they", True), ("we", True))
# Vowels that sound like consonants, and the other way about.
_TAKES_A, _TAKES_AN = frozenset({"ukulele"}), frozenset({"honest", "honor"})


@cache
def lexicon() -> dict[str, Kind]:
    """The words that may be given, with their kinds; first those alive, adjectives last."""
    found: dict[str, Kind] = {}
    for line in (TEXTS / "lexicon.txt").read_text(encoding="utf-8").splitlines():
        kind, _, words = line.partition(": ")
        found |= dict.fromkeys(words.split(), kind)  # type: ignore[arg-type]
    return found


def draw_words(count: int, stream: Stream) -> list[str]:
    """`count` different words of the lexicon."""
    return stream.sample(tuple(lexicon()), count)


@cache
def sentence_tokens() -> tuple[str, ...]:
    """Every token that a sentence can hold, given words included, each with its space in front."""
    verbs = [form for verb in (*_TRANSITIVE, *_INTRANSITIVE, *_COVERING, *_STANDING, *_BE) for form in verb]
    starts = [*_ONE, *_SEVERAL, *_MASS, "an", *_PREPOSITIONS, *_CONJUNCTIONS]
    pronouns = [word for word, _ in _PRONOUNS]
    nouns = [*_PEOPLE, *_PEOPLES, *_OBJECTS]
    small = [*starts, *pronouns, *verbs, *_ADVERBS, *_DESCRIPTIONS, *nouns, "and", "that", *lexicon()]
    capitals = [word.capitalize() for word in (*starts, *pronouns)]
    return tuple(dict.fromkeys([*capitals, *(" " + word for word in small), ",", "."]))


def write_sentence(words: Sequence[str], stream: Stream) -> str:
    """A grammatical sentence in which each of `words` stands exactly as it is.

    UsageError for a word that the lexicon does not have.
    """
    unknown = [word for word in words if word not in lexicon()]
    if unknown:
        raise UsageError(f"words: the grammar of training sentences does not know {', '.join(unknown)}")
    while True:
        tokens = _Writer(stream).sentence(words)
        if len(tokens) <= MAX_TOKENS:
            return "".join(tokens)


@dataclass
class _Phrase:
    """A noun with all that belongs to it; the words without spaces."""

    words: list[str]
    several: bool
    alive: bool


class _Writer:
    """One attempt at a sentence."""

    def __init__(self, stream: Stream):
        self.stream = stream
        self.past = self._chance(60)

    def sentence(self, words: Sequence[str]) -> list[str]:
        """Tokens of a sentence with all of `words`."""
        given = self.stream.shuffled(words)
        adjectives = [word for word in given if lexicon()[word] == "adjective"]
        predicate = adjectives.pop() if adjectives and self._chance(30) else None
        phrases = self._phrases([word for word in given if lexicon()[word] != "adjective"], adjectives)
        if predicate is None:
            spoken = self._clauses(phrases)
        elif len(phrases) == 1:
            spoken = self._being(phrases[0], predicate)
        else:
            spoken = self._joined(self._clause(phrases[:-1]), self._being(phrases[-1], predicate))
        first = [spoken[0].capitalize()]
        return first + [word if word == "," else " " + word for word in spoken[1:]] + ["."]

    def _chance(self, percent: int) -> bool:
        return self.stream.below(100) < percent

    def _phrases(self, nouns: Sequence[str], adjectives: list[str]) -> list[_Phrase]:
        """A phrase for each noun, and for what else is needed; someone alive first."""
        phrases = [self._noun(noun, adjectives.pop() if adjectives else None) for noun in nouns]
        phrases += [self._filler(adjective) for adjective in adjectives]
        if self._chance(60 if not any(phrase.alive for phrase in phrases) else 8) or not phrases:
            phrases.insert(0, self._somebody())
        phrases = self.stream.shuffled(phrases)
        if self._chance(90):
            phrases.sort(key=lambda phrase: not phrase.alive)
        return self._pronouns_first(phrases)

    def _pronouns_first(self, phrases: list[_Phrase]) -> list[_Phrase]:
        return sorted(phrases, key=lambda phrase: len(phrase.words) > 1)

    def _somebody(self) -> _Phrase:
        if self._chance(50):
            word, several = self.stream.choice(_PRONOUNS)
            return _Phrase([word], several, True)
        return self._filler(None)

    def _filler(self, adjective: str | None) -> _Phrase:
        several = self._chance(40)
        alive = several or adjective is None or self._chance(50)
        noun = self.stream.choice(_PEOPLES if several else _PEOPLE if alive else _OBJECTS)
        return self._determined(_SEVERAL if several else _ONE, adjective, noun, several, alive)

    def _noun(self, noun: str, adjective: str | None) -> _Phrase:
        kind = lexicon()[noun]
        determiners = {"plural": _SEVERAL, "mass": _MASS, "unique": ("the",)}.get(kind, _ONE)
        several = kind == "plural"
        return self._determined(determiners, adjective, noun, several, kind == "animate")

    def _determined(
        self, determiners: Sequence[str], adjective: str | None, noun: str, several: bool, alive: bool
    ) -> _Phrase:
        if adjective is None and self._chance(6):
            adjective = self.stream.choice(_DESCRIPTIONS)
        rest = [noun] if adjective is None else [adjective, noun]
        determiner = self.stream.choice(determiners)
        if determiner == "a":
            determiner = _article(rest[0])
        return _Phrase([determiner, *rest], several, alive)

    def _clauses(self, phrases: list[_Phrase]) -> list[str]:
        """A sentence of one clause or two, perhaps with a phrase in front."""
        count = len(phrases)
        if count > 4 or (count > 1 and self._chance(30 if count > 2 else 10)):
            cut = (count + self.stream.below(2)) // 2
            return self._joined(self._clause(phrases[:cut]), self._clause(phrases[cut:]))
        if count > 2 and self._chance(12):
            front = [self.stream.choice(_PREPOSITIONS), *phrases[-1].words, ","]
            return front + self._clause(phrases[:-1])
        return self._clause(phrases)

    def _joined(self, main: list[str], other: list[str]) -> list[str]:
        conjunction = self.stream.choice(_CONJUNCTIONS)
        if self._chance(25):
            return [conjunction, *other, ",", *main]
        return [*main, conjunction, *other]

    def _being(self, subject: _Phrase, adjective: str) -> list[str]:
        return [*subject.words, self._form(_BE[subject.several], subject.several), adjective]

    def _clause(self, phrases: list[_Phrase]) -> list[str]:
        """Subject, verb and the rest, out of one to four phrases."""
        subject, rest = phrases[0], phrases[1:]
        words, several = list(subject.words), subject.several
        pronoun = len(words) == 1
        if len(rest) > 1 and not pronoun and self._chance(40):
            extra, rest = rest[0], rest[1:]
            which = self.stream.below(10)
            if which < 5 and len(extra.words) > 1:
                words, several = [*words, "and", *extra.words], True
            elif which < 8:
                words += [self.stream.choice(_PREPOSITIONS), *extra.words]
            else:
                words += ["that", self._verb(subject.alive, True, several), *extra.words]
        if self._chance(5):
            words.append(self.stream.choice(_ADVERBS))
        return words + self._predicate(subject.alive, several, rest)

    def _predicate(self, alive: bool, several: bool, rest: list[_Phrase]) -> list[str]:
        if not rest:
            return [self._verb(alive, False, several)]
        direct = self._chance(70 if alive else 40)
        words = [self._verb(alive, direct, several)]
        if not direct:
            words.append(self.stream.choice(_PREPOSITIONS))
        words += rest[0].words
        for number, phrase in enumerate(rest[1:]):
            joint = "and" if number == 1 or self._chance(25) else self.stream.choice(_PREPOSITIONS)
            words += [joint, *phrase.words]
        return words

    def _verb(self, alive: bool, direct: bool, several: bool) -> str:
        if alive:
            verbs = _TRANSITIVE if direct else _INTRANSITIVE
        else:
            verbs = _COVERING if direct else _STANDING
        return self._form(self.stream.choice(verbs), several)

    def _form(self, verb: Verb, several: bool) -> str:
        if self.past:
            return verb.past
        return verb.several if several else verb.one


def _article(word: str) -> str:
    vowel = word[0] in "aeiou" and word not in _TAKES_A
    return "an" if vowel or word in _TAKES_AN else "a"
