"""The grammar of training sentences: given words stand in them, all agrees, harper is content."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.grammar import open_checker
from pbench.tasks import content_key, content_keys, generate, load_suite
from pbench.tasks.sentences import MAX_TOKENS, draw_words, lexicon, sentence_tokens, write_sentence
from pbench.tasks.stream import Stream


def sentence(seed: int, count: int = 4) -> tuple[list[str], str]:
    stream = Stream("test", seed)
    words = draw_words(count, stream)
    return words, write_sentence(words, stream)


@given(st.integers(0, 10_000), st.integers(1, 7))
def test_every_given_word_stands_in_the_sentence_as_it_is(seed, count):
    words, text = sentence(seed, count)
    assert len(set(words)) == count
    assert text[0].isupper()
    assert text.endswith(".")
    pieces = re.findall(r" ?\w+|[.,]", text)
    assert len(pieces) <= MAX_TOKENS
    assert set(pieces) <= set(sentence_tokens())
    assert {" " + word for word in words} <= set(pieces)


@given(st.integers(0, 10_000))
def test_articles_and_verbs_agree(seed):
    _, text = sentence(seed)
    assert not re.search(r"\b[Aa] (?!ukulele)[aeiou]", text)
    assert not re.search(r"\b[Aa]n (?!honest|honor)[^aeiou]", text)
    assert not re.search(r"\b(she|he) (are|were|see|like|find|want)\b", text.lower())
    assert not re.search(r"\b(they|we) (is|was|sees|likes|finds|wants)\b", text.lower())


def test_the_grammar_checker_finds_next_to_nothing_in_them():
    texts = [sentence(seed)[1] for seed in range(300)]
    found = [
        text for text, findings in zip(texts, open_checker("harper").check(texts), strict=True) if findings
    ]
    assert len(found) <= 6, found


def test_the_lexicon_has_the_words_of_every_test_set():
    suite = load_suite("words_to_sentence")
    words = {word for spec in suite.tasks for sample in generate(spec) for word in sample.answer["words"]}
    assert words <= set(lexicon())
    assert set(lexicon().values()) == {"animate", "thing", "mass", "plural", "unique", "adjective"}


def test_other_words_are_refused():
    with pytest.raises(UsageError, match="does not know xyzzy"):
        write_sentence(["chef", "xyzzy"], Stream("test"))


def test_training_samples_are_invented_and_never_a_test_set():
    for spec in load_suite("words_to_sentence").tasks:
        samples = list(generate(spec, "train", 150))
        keys = {content_key(sample) for sample in samples}
        assert len(keys) == 150
        assert not keys & content_keys(spec)
        assert all(word in s.answer["example"] for s in samples for word in s.answer["words"])
