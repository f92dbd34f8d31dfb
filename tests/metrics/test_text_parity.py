"""ROUGE and BLEU are what the libraries of the original's `evaluate` compute, on any text."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from pbench.metrics import MetricTools, score_many

WORDS = ["the", "cat", "cats", "running", "Mat", "U.S.", "3.5", "1-2", "state-of", "&amp;", "(so", "é", "-\n"]
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), min_size=1, max_size=14).map(" ".join)


def rouge(prediction: str, target: str) -> dict[str, float | None]:
    [(values, _)] = score_many("summary", [prediction], [{"summary": target}], MetricTools())
    return values


def inverse_bleu(prediction: str, source: str) -> float | None:
    [(values, _)] = score_many("paraphrase", [prediction], [{"text": source}], MetricTools())
    return values["inv_bleu_score"]


@given(TEXTS, TEXTS)
@settings(max_examples=200)
def test_rouge_is_the_librarys(prediction: str, target: str) -> None:
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    expected = scorer.score(target, prediction)
    values = rouge(prediction, target)
    assert {name: values[name] for name in expected} == {name: s.fmeasure for name, s in expected.items()}


def textbook_bleu(hypothesis: list[str], reference: list[str]) -> float:
    """Papineni et al. 2002 for one sentence and one reference: 4-grams, nothing smoothed."""
    precisions = []
    for order in range(1, 5):
        ours, theirs = (
            Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))
            for words in (hypothesis, reference)
        )
        total = sum(ours.values())
        precisions.append(sum((ours & theirs).values()) / total if total else 0.0)
    if min(precisions) == 0:
        return 0.0
    penalty = min(1.0, math.exp(1 - len(reference) / len(hypothesis)))
    return penalty * math.exp(sum(map(math.log, precisions)) / 4)


@given(TEXTS, TEXTS)
@settings(max_examples=200)
def test_bleu_is_the_textbooks(prediction: str, source: str) -> None:
    tokens = Tokenizer13a()
    ours, theirs = tokens(prediction).split(), tokens(source).split()
    expected = 1 - textbook_bleu(ours, theirs) if prediction.strip() and ours and theirs else 0.0
    assert inverse_bleu(prediction, source) == pytest.approx(expected, abs=1e-9)


@given(TEXTS)
def test_a_text_against_itself(text: str) -> None:
    ours = Tokenizer13a()(text).split()
    if len(ours) >= 4:
        assert inverse_bleu(text, text) == pytest.approx(0, abs=1e-9)


def test_a_hyphen_at_the_end_of_a_line_joins_also_at_the_end_of_the_text() -> None:
    assert inverse_bleu("one two three four-\n", "one two three four") == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("prediction", "source"), [("<skipped>", "A cat."), ("A cat.", ""), ("A cat.", " ")])
def test_where_the_original_raises_the_value_is_0(prediction: str, source: str) -> None:
    assert inverse_bleu(prediction, source) == 0


def test_sacrebleu_keeps_no_text() -> None:
    for index in range(3):
        score_many("paraphrase", [f"Text {index}."] * 5, [{"text": "A text."}] * 5, MetricTools())
    assert Tokenizer13a.__call__.cache_info().currsize <= 2
