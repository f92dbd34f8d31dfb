"""BERTScore behind its extra: absent without it, one scorer for all texts with it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pbench.errors import UsageError
from pbench.score import bertscore
from pbench.score.bertscore import open_bertscore


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bertscore, "find_spec", lambda _name: None)
    assert open_bertscore() is None
    with pytest.raises(UsageError, match=r"pbench\[bertscore\]"):
        open_bertscore("roberta-large")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A stand-in for the bert-score package; what scorers were made and asked."""
    calls: list[dict[str, Any]] = []

    class BERTScorer:
        def __init__(self, **options: Any) -> None:
            calls.append(options)

        def score(self, candidates: list[str], references: list[str], batch_size: int) -> Any:
            calls.append({"candidates": candidates, "references": references})
            return None, None, [0.5] * len(candidates)

    package, utils = ModuleType("bert_score"), ModuleType("bert_score.utils")
    package.BERTScorer = BERTScorer  # type: ignore[attr-defined]
    utils.model2layers = {"roberta-large": 17}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bert_score", package)
    monkeypatch.setitem(sys.modules, "bert_score.utils", utils)
    monkeypatch.setattr(bertscore, "find_spec", lambda _name: object())
    monkeypatch.setattr(bertscore, "package_version", lambda _name: "0.3.13")
    return calls


def test_a_named_model(made: list[dict[str, Any]], tmp_path: Path) -> None:
    scorer = open_bertscore("roberta-large")
    assert scorer is not None
    assert scorer(["a", "b"], ["c", "d"]) == [0.5, 0.5]
    assert made == [
        {"model_type": "roberta-large", "num_layers": 17},
        {"candidates": ["a", "b"], "references": ["c", "d"]},
    ]
    assert (scorer.model, scorer.version) == ("roberta-large", "0.3.13")
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 3}')
    open_bertscore(str(tmp_path))
    assert made[-1] == {"model_type": str(tmp_path), "num_layers": 3}
    (tmp_path / "roberta-large").mkdir()
    open_bertscore(str(tmp_path / "roberta-large"))
    assert made[-1]["num_layers"] == 17


@pytest.mark.usefixtures("made")
def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be loaded"):
        open_bertscore(str(tmp_path / "nothing"))


def test_the_reference_model_is_used_if_it_is_here(
    made: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda _model, _file: None)
    assert open_bertscore() is None
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda _model, _file: "/cache/config.json")
    scorer = open_bertscore()
    assert scorer is not None
    assert scorer.model == "roberta-large"
    assert made == []  # loaded by the first texts
