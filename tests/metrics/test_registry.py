"""The registry: names, aliases, unknown ones; and what holds for every metric."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench.errors import UsageError
from pbench.metrics import METRICS, MetricTools, get_metric, metric_names, sample_info, score_many
from pbench.metrics.registry import sample_metric
from tests.metrics.fakes import RuleChecker, half

LIST = {"input": ["A", "B"], "word": "C", "n_words": 1}
TEXT = {"text": "The cat sat.", "summary": "A cat sat.", "words": ["cat"], "startwith": "A"}
REFERENCES: dict[str, Any] = {
    "domino": {"length": 2, "start": 12},
    "grammar": None,
    "json_syntax": None,
    "latin_square": {"symbols": ["A", "B"], "size": 2},
    "list_match": '["A", "B"]',
    "list_random_insert": LIST,
    "list_random_remove": LIST,
    "list_random_replace": LIST,
    "list_shuffle": LIST,
    "math_op": 12,
    "paraphrase": TEXT,
    "regex_match": {"pattern": "(a|b)*c"},
    "replace_all_with_unique_random": {"input": "a b a", "word": "a", "n_replace": None},
    "sentence_random_insert": "A cat sat.",
    "sentence_random_remove": "A cat sat.",
    "sentence_random_replace": "A cat sat.",
    "starts_with": TEXT,
    "sudoku": "1234\n3412\n2143\n4321",
    "summary": TEXT,
    "text_to_regex": {"positive_examples": ["a"], "negative_examples": ["b"]},
    "words_to_sentence": TEXT,
}
TOOLS = MetricTools(RuleChecker(), half)


def test_these_are_the_metrics() -> None:
    assert metric_names() == sorted(REFERENCES)


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_names_and_aliases(name: str) -> None:
    info = get_metric(name)
    assert info.name == name
    assert get_metric(f"{name}_score") is info
    assert info.values[0] == "score"
    assert info.version == "1"


def test_special_aliases_and_unknown_names() -> None:
    assert get_metric("sentence_to_words_score").name == "words_to_sentence"
    assert get_metric("startwith_score").name == "starts_with"
    with pytest.raises(UsageError, match="did you mean 'list_match'"):
        get_metric("list_mach")


@pytest.mark.parametrize("name", sorted(REFERENCES))
@given(prediction=st.text('[]",ABabc0123456789 .\n') | st.text())
@settings(max_examples=60)
def test_any_text_gets_values_in_range(name: str, prediction: str) -> None:
    [(values, reasons)] = score_many(name, [prediction], [REFERENCES[name]], TOOLS)
    assert not reasons
    assert tuple(values) == get_metric(name).values
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in values.values())


@pytest.mark.parametrize("name", sorted(set(REFERENCES) - {"grammar", "json_syntax"}))
def test_a_bad_reference_is_the_rows_error_and_no_other(name: str) -> None:
    outcomes = score_many(name, ["A", "A"], [3.5j, REFERENCES[name]], TOOLS)
    assert None not in outcomes[1][0].values()
    if name == "math_op":  # anything has a text form
        return
    values, reasons = outcomes[0]
    assert values["score"] is None
    assert reasons["score"]
    assert set(values) == set(get_metric(name).values)


def test_unequal_lengths_are_a_bug() -> None:
    with pytest.raises(ValueError, match="2 predictions for 1 references"):
        score_many("list_match", ["a", "b"], ["a"], TOOLS)


def test_empty_columns() -> None:
    assert all(score_many(name, [], [], TOOLS) == [] for name in REFERENCES)


def test_a_metric_must_give_a_score() -> None:
    with pytest.raises(ValueError, match="must give a value named 'score'"):
        sample_metric("scoreless", values=("accuracy",))(lambda _p, _r: {"accuracy": 1.0})
    with pytest.raises(ValueError, match="registered twice"):
        sample_metric("list_match")(lambda _p, _r: {"score": 1.0})


def test_a_plug_in_joins_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    info = sample_info("shout", lambda prediction, _reference: {"score": float(prediction.isupper())})
    point = SimpleNamespace(name="shout", value="elsewhere:INFO", load=lambda: info)
    monkeypatch.setattr(METRICS, "_foreign", {"shout": point})
    monkeypatch.setattr(METRICS, "_known", dict(METRICS._known))
    get_metric.cache_clear()
    assert "shout" in metric_names()
    assert score_many("shout", ["AH", "ah"], [None, None], TOOLS) == [({"score": 1}, {}), ({"score": 0}, {})]
    get_metric.cache_clear()


def test_importing_metrics_imports_nothing_heavy() -> None:
    code = (
        "import sys, pbench.metrics as m; m.metric_names(); "
        "print(sorted({'torch', 'scipy', 'pyarrow', 'sacrebleu', 'nltk', 'harper'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
