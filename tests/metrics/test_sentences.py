"""Sentence operations: word rules, with and without a given word."""

from __future__ import annotations

from typing import Any

import pytest

from pbench.metrics import MetricTools, score_many

SOURCE = "A dog ate an apple, then slept."


def judge(metric: str, prediction: str, reference: Any) -> dict[str, float | None]:
    [(values, reasons)] = score_many(metric, [prediction], [reference], MetricTools())
    assert not reasons
    return values


@pytest.mark.parametrize(
    ("metric", "prediction", "reference", "expected"),
    [
        ("insert", "A big dog ate an apple, then slept.", {"input": SOURCE, "word": "big"}, 1),
        ("insert", "A dog ate a big apple then slept", {"input": SOURCE, "word": "big"}, 1),  # an -> a
        ("insert", "A dog ate an apple, then slept.", {"input": SOURCE, "word": "big"}, 0),
        ("insert", "A big dog ate an apple.", {"input": SOURCE, "word": "big"}, 0),
        ("insert", "A dog ate a big red apple, then slept.", {"input": SOURCE, "word": ["red", "big"]}, 1),
        ("insert", "An old dog ate an apple, then slept.", SOURCE, 1),  # any one word more
        ("insert", "A dog ate an apple, then slept well today.", {"input": SOURCE, "n_words": 2}, 1),
        ("insert", "A dog ate an apple, then slept well today.", SOURCE, 0),
        ("insert", "A b dog c ate an d apple e, then f slept.", {"input": SOURCE, "n_words": 5}, 1),
        ("insert", "A dog ate", {"input": ["A", "ate"]}, 1),  # a list of words
        ("remove", "A dog ate an apple, slept.", {"input": SOURCE, "n_words": 1}, 1),
        ("remove", "A dog ate an apple.", {"input": SOURCE}, 0),
        ("remove", "A dog ate an apple.", {"input": SOURCE, "n_words": 2}, 1),
        ("remove", "dog ate an apple, then slept.", SOURCE, 1),  # `A` is not `an`
        ("remove", SOURCE, SOURCE, 0),
        ("replace", "A cat ate an apple, then slept.", {"input": SOURCE, "word": "cat"}, 1),
        ("replace", "A cat ate a pear, then slept.", {"input": SOURCE, "word": "cat"}, 0),
        ("replace", "A cow ate an apple, then slept.", {"input": SOURCE, "word": "cat"}, 0),
        ("replace", "A dog ate a pear, then slept.", SOURCE, 1),  # any one word
        ("replace", "A cat ate a pear, then slept.", SOURCE, 0),
        ("replace", "A cat ate a pear, then slept.", {"input": SOURCE, "n_words": 2}, 1),
        ("replace", "A dog ate then slept.", SOURCE, 0),
        ("replace", "", SOURCE, 0),
    ],
)
def test_sentence_operations(metric: str, prediction: str, reference: Any, expected: int) -> None:
    assert judge(f"sentence_random_{metric}", prediction, reference) == {
        "score": expected,
        "score_strict": expected,
    }


@pytest.mark.parametrize(
    ("prediction", "n_replace", "score", "loose"),
    [
        ("red cat, blue cat, green cat.", None, 1, 1),
        ("red cat, red cat, green cat.", None, 0, 0),  # not different
        ("red cat, the cat, green cat.", None, 0, 0),  # one is left
        ("red cat, the cat, green cat.", -1, 1, 1),
        ("red cat, the cat, green cat.", 2, 1, 1),
        ("red cat, the cat, green cat.", 1, 0, 0),
        ("red cat, blue cat, green dog.", None, 0, 1),  # something else changed
        ("red cat, blue cat.", None, 0, 0),
    ],
)
def test_replace_all(prediction: str, n_replace: int | None, score: int, loose: int) -> None:
    reference = {"input": "the cat, the cat, the cat.", "word": "the", "n_replace": n_replace}
    values = judge("replace_all_with_unique_random", prediction, reference)
    assert values == {"score": score, "score_loose": loose}
