"""BERTScore behind its extra: absent without it, one scorer for all texts with it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
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
            print("Loading weights: 100%", file=sys.stderr)
            self._model = SimpleNamespace(config=SimpleNamespace(max_position_embeddings=514))
            self._tokenizer = SimpleNamespace(model_max_length=int(1e30))

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


def test_a_named_model(made: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    scorer = open_bertscore("roberta-large")
    assert scorer is not None
    assert scorer(["a", "b"], ["c", "d\ud800"]) == [0.5, 0.5]
    assert made == [
        {"model_type": "roberta-large", "num_layers": 17},
        {"candidates": ["a", "b"], "references": ["c", "d?"]},
    ]
    assert (scorer.model, scorer.version) == ("roberta-large", "0.3.13-L17")
    assert capsys.readouterr() == ("", "")


def test_a_tokenizer_without_a_limit_gets_the_models(made: list[dict[str, Any]]) -> None:
    scorer = open_bertscore("roberta-large")
    assert scorer is not None
    assert scorer._scorer._tokenizer.model_max_length == 512


def test_a_local_model_is_known_by_its_files(made: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 3}')
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    scorer = open_bertscore(str(tmp_path))
    assert scorer is not None
    assert made[-1] == {"model_type": str(tmp_path), "num_layers": 3}
    assert re.fullmatch(r"0\.3\.13-L3-[0-9a-f]{8}", scorer.version)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    other = open_bertscore(str(tmp_path))
    assert other is not None
    assert other.version != scorer.version
    (tmp_path / "roberta-large").mkdir()
    open_bertscore(str(tmp_path / "roberta-large"))
    assert made[-1]["num_layers"] == 17


def test_a_model_of_the_hub_says_how_many_layers_it_has(
    made: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 5}')
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda _model, name: str(tmp_path / name))
    scorer = open_bertscore("some/encoder")
    assert scorer is not None
    assert (made[-1]["num_layers"], scorer.version) == (5, "0.3.13-L5")


@pytest.mark.usefixtures("made")
def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot be loaded"):
        open_bertscore(str(tmp_path))


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
