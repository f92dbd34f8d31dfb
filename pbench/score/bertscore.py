"""BERTScore behind its extra: a model opened once, asked for whole columns of texts."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr
from functools import cached_property
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pbench.errors import UsageError

__all__ = ["REFERENCE_MODEL", "BertScore", "open_bertscore"]

REFERENCE_MODEL = "roberta-large"
_BATCH = 32
_DECIDING = (".json", ".txt", ".safetensors", ".bin")  # endings of a model's and a tokenizer's files


class BertScore:
    """BERTScore F1 with one model; `model` is a hub id or a local folder.

    The layer is the one that bert-score recommends for the model, the last one where it has no
    recommendation.
    """

    def __init__(self, model: str):
        self.model = model

    @cached_property
    def version(self) -> str:
        """Of the package, the layer and, for a folder, its files: what decides the values."""
        files = _fingerprint(Path(self.model))
        return f"{package_version('bert-score')}-L{self._layer}" + (f"-{files}" if files else "")

    def __call__(self, predictions: Sequence[str], references: Sequence[str]) -> list[float]:
        """F1 of each prediction against the reference at the same place, not rescaled."""
        columns = [[_encodable(text) for text in texts] for texts in (predictions, references)]
        _, _, f1 = self._scorer.score(*columns, batch_size=_BATCH)
        return [float(value) for value in f1]

    def load(self) -> None:
        """Load the model now instead of at the first call; UsageError if that is not possible."""
        try:
            self._scorer  # noqa: B018 - asked for, so that it is made
        except Exception as error:
            raise UsageError(f"--bertscore-model {self.model}: cannot be loaded: {error}") from error

    @cached_property
    def _layer(self) -> int:
        from bert_score.utils import model2layers

        known = model2layers.get(self.model) or model2layers.get(Path(self.model).name)
        return int(known or _layers(self.model))

    @cached_property
    def _scorer(self) -> Any:
        from bert_score import BERTScorer

        with redirect_stderr(io.StringIO()):  # progress bars
            scorer = BERTScorer(model_type=self.model, num_layers=self._layer)
        _limit_length(scorer)
        return scorer


def _limit_length(scorer: Any) -> None:
    """Let the tokenizer cut texts where the model's positions end, if it does not know where that is.

    Two less than the positions: RoBERTa counts from its padding's id on.
    """
    positions = getattr(scorer._model.config, "max_position_embeddings", None)
    if positions is not None and scorer._tokenizer.model_max_length > positions:
        scorer._tokenizer.model_max_length = positions - 2


def _encodable(text: str) -> str:
    """The text with lone surrogates, which no tokenizer takes, replaced."""
    return text.encode("utf-8", "replace").decode()


def _layers(model: str) -> int:
    """How many layers a local model or one of the hub has."""
    path = Path(model) / "config.json"
    if not Path(model).is_dir():
        from huggingface_hub import hf_hub_download

        path = Path(hf_hub_download(model, "config.json"))
    return int(json.loads(path.read_text(encoding="utf-8"))["num_hidden_layers"])


def _fingerprint(folder: Path) -> str | None:
    """A short hash of what a model's folder holds; None for a hub id."""
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.suffix in _DECIDING:
            with open(path, "rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:8]


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
