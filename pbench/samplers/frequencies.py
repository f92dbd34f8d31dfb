"""Tables of how often a tokenizer's tokens stand in some text: what `pc` weighs proposals by.

A table is a JSON file that says which tokenizer its ids are of, and carries the hash of its own
content. No torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field, ValidationError

from pbench.artifacts import atomic_text, file_hash
from pbench.config import Strict, checkpoint_config, content_hash
from pbench.errors import ArtifactError, UsageError
from pbench.samplers.registry import SAMPLERS

__all__ = ["FILE_NAME", "FrequencyTable", "TextCounter", "read_table", "with_table", "write_table"]

FILE_NAME = "frequencies.json"  # of the table that lies in a model's folder and is its default


class FrequencyTable(Strict):
    """Counts by token id; a token that is not in them counts as one of `vocab_size` equal ones."""

    schema_version: Literal[1] = 1
    kind: Literal["token_frequencies"] = "token_frequencies"
    model: str
    tokenizer: str = Field(description="SHA-256 of tokenizer.json")
    vocab_size: int = Field(ge=1)
    source: str
    counts: dict[int, int]

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of all that decides a score: the counts and what their ids mean."""
        counts = {str(token): number for token, number in self.counts.items()}
        return content_hash({"tokenizer": self.tokenizer, "vocab_size": self.vocab_size, "counts": counts})

    def information(self) -> list[float]:
        """-ln(f + 1e-9) of the token ids 0..vocab_size - 1, then that of any unseen token."""
        total = sum(self.counts.values())
        values = [-math.log(1 / self.vocab_size + 1e-9)] * (self.vocab_size + 1)
        for token, number in self.counts.items():
            values[token] = -math.log(number / total + 1e-9)
        return values


def write_table(table: FrequencyTable, path: Path) -> Path:
    """Write the table with its hash, whole or not at all; the same table gives the same bytes."""
    values = table.model_dump(exclude={"counts"}) | {"hash": table.hash}
    values["counts"] = {str(token): table.counts[token] for token in sorted(table.counts)}
    atomic_text(path, orjson.dumps(values, option=orjson.OPT_INDENT_2).decode() + "\n")
    return path


def read_table(path: Path | str) -> FrequencyTable:
    """A table from its file; ArtifactError if that is missing, no table, or has been changed."""
    path = Path(path)
    how = "`pbench samplers frequencies` makes one"
    try:
        values = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}; {how}") from None
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: no JSON ({error}); {how}") from None
    stated = values.pop("hash", None) if isinstance(values, dict) else None
    try:
        table = FrequencyTable.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "content"
        raise ArtifactError(f"{path}: no table of frequencies: {place}: {problem['msg']}; {how}") from None
    if not table.counts or not all(0 <= token < table.vocab_size for token in table.counts):
        raise ArtifactError(f"{path}: no counts, or token ids outside the vocabulary; {how}")
    if min(table.counts.values()) < 1 or stated != table.hash:
        raise ArtifactError(f"{path}: its counts are not those that its hash was made of; {how}")
    return table


def with_table(sampler: str, options: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """Options of `sampler`, with the table of the model in `folder` where one is needed and none given.

    UsageError for a given table whose ids are of another tokenizer than that of `folder`.
    """
    found = dict(options)
    if folder is None or "frequencies" not in SAMPLERS.get(sampler).Options.model_fields:
        return found
    if found.get("frequencies") is None:
        if (folder / FILE_NAME).exists():
            found["frequencies"] = read_table(folder / FILE_NAME)
        return found
    table = found["frequencies"] = read_table(found["frequencies"])
    tokenizer = folder / "tokenizer.json"
    if tokenizer.exists() and file_hash(tokenizer) != table.tokenizer:
        raise UsageError(
            f"--frequencies: the table is of the tokenizer of {table.model!r}, not of the one in {folder};"
            " `pbench samplers frequencies --model MODEL --out FILE` makes one for it"
        )
    return found


class TextCounter:
    """Counts the tokens of texts under the tokenizer of a model's folder; each text ends in one EOS."""

    def __init__(self, model: str, folder: Path):
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        self._model, self._hash = model, file_hash(path)
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise ArtifactError(f"{path}: {error}") from None
        config = checkpoint_config(folder)
        self._vocab_size = config.get("vocab_size") or self._tokenizer.get_vocab_size()
        ends = config.get("eos_token_id")
        self._end = ends[0] if isinstance(ends, list) and ends else ends
        self._unknown = config.get("unk_token_id")

    def count(self, texts: Iterable[str], source: str) -> FrequencyTable:
        """The table of `texts`; UsageError if there is nothing to count or the tokenizer lacks words."""
        counts: Counter[int] = Counter()
        for text in texts:
            counts.update(self._tokenizer.encode(text, add_special_tokens=False).ids)
            if isinstance(self._end, int):
                counts[self._end] += 1
        strange = counts[self._unknown] if isinstance(self._unknown, int) else 0
        if strange:
            raise UsageError(
                f"{strange} of {counts.total()} tokens of {source} are unknown to {self._model},"
                " whose vocabulary is closed; count texts that it can write"
            )
        if not counts:
            raise UsageError(f"{source}: there is no text to count")
        return FrequencyTable(
            model=self._model,
            tokenizer=self._hash,
            vocab_size=self._vocab_size,
            source=source,
            counts=dict(sorted(counts.items())),
        )
