"""Text metrics: values by hand, blank answers, missing tools, one bad row among good ones."""

from __future__ import annotations

from typing import Any

import pytest

from pbench.metrics import MetricTools, get_metric, score_many
from tests.metrics.fakes import RuleChecker, half

TOOLS = MetricTools(grammar=RuleChecker(), bertscore=half)


def judge(
    metric: str, prediction: str, reference: Any, tools: MetricTools = TOOLS
) -> dict[str, float | None]:
    [(values, reasons)] = score_many(metric, [prediction], [reference], tools)
    assert set(reasons) == {name for name, value in values.items() if value is None}
    return values


@pytest.mark.parametrize(("text", "score"), [("Good.", 1), ("bad", 0), ("", 0), (" \n", 0)])
def test_grammar(text: str, score: int) -> None:
    assert judge("grammar", text, None) == {"score": score, "grammar_score": score}


@pytest.mark.parametrize(
    ("text", "inclusion", "grammar"),
    [
        ("The cat eats fish.", 1, 1),
        ("The cat eats fishes, concatenated.", 1, 1),  # as a substring
        ("The Cat eats fish.", 0, 1),  # case counts
        ("cat fish bad", 1, 0),
        ("", 0, 0),
    ],
)
@pytest.mark.parametrize(
    "reference", [{"words": ["cat", "fish"]}, {"words": '["cat", "fish"]'}, ["cat", "fish"]]
)
def test_words_to_sentence(text: str, inclusion: int, grammar: int, reference: Any) -> None:
    assert judge("words_to_sentence", text, reference) == {
        "score": inclusion * grammar,
        "score_grammar_only": grammar,
        "inclusion_score": inclusion,
        "grammar_score": grammar,
    }


def test_summary() -> None:
    reference = {"text": "a dialogue", "summary": "the cat sat on the mat"}
    values = judge("summary", "the cats sat", reference)  # stemmed: 3 of 3 and 3 of 6 words, in order
    assert values["rouge1"] == pytest.approx(2 * 1.0 * 0.5 / 1.5)
    assert values["rouge2"] == pytest.approx(2 * 1.0 * 0.4 / 1.4)  # 2 of 2, 2 of 5
    assert values["rougeL"] == values["score"] == pytest.approx(2 / 3)
    reordered = judge("summary", "sat cat bad", "the cat sat on the mat")
    assert reordered["rouge1"] == pytest.approx(2 * (2 / 3) * (2 / 6) / (2 / 3 + 2 / 6))
    assert reordered["rougeL"] == pytest.approx(2 * (1 / 3) * (1 / 6) / (1 / 3 + 1 / 6))
    assert reordered["score"] == 0
    assert judge("summary", "", reference) == dict.fromkeys(get_metric("summary").values, 0)


def test_paraphrase() -> None:
    reference = {"text": "the cat sat on the mat today", "examples": "['a', 'b']"}
    # 6 tokens against 7: n-gram precisions 5/6, 4/5, 3/4, 2/3 and a brevity penalty exp(1 - 7/6).
    bleu = (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25 * 2.718281828459045 ** (-1 / 6)
    values = judge("paraphrase", "the cat sat on the rug", reference)
    assert values["inv_bleu_score"] == pytest.approx(1 - bleu)
    assert values["score"] == pytest.approx((1 - bleu) * 0.5)
    same = judge("paraphrase", "the cat sat on the mat today", reference)
    assert same == {"score": 0, "inv_bleu_score": pytest.approx(0), "bertscore_score": 1, "grammar_score": 1}
    assert judge("paraphrase", "A feline rested.", reference)["inv_bleu_score"] == 1
    assert judge("paraphrase", "the cat sat", reference)["inv_bleu_score"] == 1  # no 4-gram, no smoothing
    assert judge("paraphrase", "Bad, bad cat", "Bad, bad cat")["grammar_score"] == 0


def test_libraries_say_nothing(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    judge("paraphrase", "the cat sat on the rug", {"text": "the cat sat on the mat today"})
    judge("summary", "the cat sat", {"summary": "the cat sat on the mat"})
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def test_mteval_tokens_count_not_words() -> None:
    value = judge("paraphrase", "Yes, we can go.", "Yes , we can go .")["inv_bleu_score"]
    assert value == pytest.approx(0)


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_a_blank_paraphrase_is_0_in_all(blank: str) -> None:
    assert judge("paraphrase", blank, {"text": "x"}) == dict.fromkeys(get_metric("paraphrase").values, 0)


@pytest.mark.parametrize(
    ("text", "start"),
    [("Once upon a time.", 1), ('"Once upon."', 1), (' "Once', 1), ("It was once.", 0), ("", 0)],
)
def test_starts_with(text: str, start: int) -> None:
    values = judge("starts_with", text, {"startwith": "Once"})
    assert values["startswith_score"] == start
    assert values["score"] == start


@pytest.mark.parametrize("metric", ["grammar", "words_to_sentence", "summary", "paraphrase", "starts_with"])
@pytest.mark.parametrize("prediction", ["A text.", ""])
def test_missing_tools_give_none_with_a_reason(metric: str, prediction: str) -> None:
    reference = {"words": ["text"], "summary": "A text.", "text": "A text.", "startwith": "A"}
    [(values, reasons)] = score_many(metric, [prediction], [reference], MetricTools())
    assert values["score"] is None
    assert values["grammar_score"] is None
    assert reasons["grammar_score"] == reasons["score"] == "no grammar checker" or metric == "paraphrase"
    assert set(values) == set(get_metric(metric).values)
    assert set(reasons) == {name for name, value in values.items() if value is None}


def test_a_reference_without_a_text_has_no_value_at_all_and_no_zero() -> None:
    values = judge("paraphrase", "A cat sat.", {"text": 3})
    assert values == {
        "score": None,
        "inv_bleu_score": None,
        "bertscore_score": None,
        "grammar_score": 1,
    }


def test_without_bertscore_the_headline_stays() -> None:
    [(values, reasons)] = score_many(
        "paraphrase", ["A good one."], [{"text": "Fine"}], MetricTools(grammar=RuleChecker())
    )
    assert values == {"score": None, "inv_bleu_score": 1, "bertscore_score": None, "grammar_score": 1}
    assert reasons == {"score": "no BERTScore model", "bertscore_score": "no BERTScore model"}


def test_one_text_that_cannot_be_checked_costs_no_other_its_value() -> None:
    checker = RuleChecker()
    outcomes = score_many("grammar", ["Good.", "crash", "bad", "Good."], [None] * 4, MetricTools(checker))
    assert [values["score"] for values, _ in outcomes] == [1, None, 0, 1]
    assert "cannot judge this" in outcomes[1][1]["grammar_score"]


def test_a_reference_without_its_field_is_that_rows_error() -> None:
    good, wrong = {"summary": "A text."}, {"text": "no summary"}
    outcomes = score_many("summary", ["A text.", "A text."], [good, wrong], TOOLS)
    assert outcomes[0][0]["score"] == 1
    assert outcomes[1][0]["rougeL"] is None
    assert "summary" in outcomes[1][1]["rougeL"]
    assert outcomes[1][0]["grammar_score"] == 1


def test_bertscore_that_fails_is_an_error_of_its_rows() -> None:
    def broken(_predictions: Any, _references: Any) -> list[float]:
        raise RuntimeError("no memory")

    tools = MetricTools(RuleChecker(), broken)
    outcomes = score_many("paraphrase", ["A.", ""], ["B.", "B."], tools)
    assert outcomes[0][0]["bertscore_score"] is None
    assert "no memory" in outcomes[0][1]["bertscore_score"]
    assert outcomes[1][0]["bertscore_score"] == 0


def test_equal_texts_are_checked_once_and_together() -> None:
    checker = RuleChecker()
    score_many("grammar", ["A.", "B.", "A.", ""], [None] * 4, MetricTools(checker))
    assert checker.calls == [["A.", "B."]]
