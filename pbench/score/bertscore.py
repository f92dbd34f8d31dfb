"""BERTScore behind its extra: a model opened once, asked for whole columns of texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pbench.errors import UsageError

__all__ = ["REFERENCE_MODEL", "BertScore", "open_bertscore"]

REFERENCE_MODEL = "roberta-large"
_BATCH = 32


class BertScore:
    """BERTScore F1 with one model; `model` is a hub id or a local folder.

    The layer is the one that bert-score recommends for the model, the last one where it has no
    recommendation.
    """

    def __init__(self, model: str):
        self.model = model

    @cached_property
    def version(self) -> str:
        return package_version("bert-score")

    def __call__(self, predictions: Sequence[str], references: Sequence[str]) -> list[float]:
        """F1 of each prediction against the reference at the same place, not rescaled."""
        _, _, f1 = self._scorer.score(list(predictions), list(references), batch_size=_BATCH)
        return [float(value) for value in f1]

    def load(self) -> None:
        """Load the model now instead of at the first call; UsageError if that is not possible."""
        try:
            self._scorer  # noqa: B018 - asked for, so that it is made
        except Exception as error:
            raise UsageError(f"--bertscore-model {self.model}: cannot be loaded: {error}") from error

    @cached_property
    def _scorer(self) -> Any:
        from bert_score import BERTScorer
        from bert_score.utils import model2layers

        layers = model2layers.get(self.model) or model2layers.get(Path(self.model).name)
        return BERTScorer(model_type=self.model, num_layers=layers or _layers(Path(self.model)))


def _layers(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(config["num_hidden_layers"])


def open_bertscore(model: str | None = None) -> BertScore | None:
    """The scorer for `model`; for None the reference one if it is here already, else no scorer.

    Nothing is downloaded unless a model is named. UsageError for a named model without the extra
    or one that cannot be loaded.
    """
    installed = find_spec("bert_score") is not None
    if model is None:
        return BertScore(REFERENCE_MODEL) if installed and _in_hub_cache(REFERENCE_MODEL) else None
    if not installed:
        raise UsageError("--bertscore-model needs the extra: pip install 'pbench[bertscore]'")
    scorer = BertScore(model)
    scorer.load()
    return scorer


def _in_hub_cache(model: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(model, "config.json"), str)
