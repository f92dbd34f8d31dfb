"""A checkpoint folder in the hub's form: where it is from, and its config.json with checked values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pbench.config import checkpoint_config
from pbench.errors import ArtifactError

__all__ = [
    "MODULES",
    "POSITIONS",
    "SMALL_FILES",
    "WIDEST",
    "Checkpoint",
    "Config",
    "safetensors_paths",
    "some_of",
]

SMALL_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
)
"""All that is read of a checkpoint beside its weights."""

MODULES = 4096
"""Most layers, or experts of a layer, that are believed: each costs time before a weight is looked at."""

POSITIONS = 2**31
"""Most positions of a context that are believed."""

WIDEST = 2**24
"""Most of any other dimension: the product of two of them still has a size in bytes."""

_SHOWN = 8  # names of each kind in an error


class Config:
    """config.json; every reader raises ArtifactError with file and key for what is not as it must be."""

    def __init__(self, path: Path, values: Mapping[str, Any]):
        self.path = path
        self.values = values

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number from 0 on (an id, a count); the default where it is missing or null."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._wrong(name, "must be a whole number")
        return value

    def size(self, name: str, default: int | None = None, *, most: int = WIDEST) -> int:
        """A dimension: a whole number from 1 to `most`."""
        value = self.integer(name, default)
        if not 1 <= value <= most:
            raise self._wrong(name, f"is {value}; it must be from 1 to {most}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A positive number."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise self._wrong(name, "must be a positive number")
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "must be true or false")
        return value

    def only(self, name: str, *allowed: Any) -> None:
        """Refuse a variant that is not implemented; a missing or null key is the family's default."""
        value = self.values.get(name)
        if value is not None and value not in allowed:
            choices = " or ".join(repr(each) for each in allowed) or "null"
            raise self._wrong(name, f"is {value!r}; only {choices} is implemented")

    def _value(self, name: str, default: Any) -> Any:
        value = self.values.get(name)
        if value is None:
            value = default
        if value is None:
            raise self._wrong(name, "is missing")
        return value

    def _wrong(self, name: str, what: str) -> ArtifactError:
        return ArtifactError(f"{self.path}: {name} {what}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A local folder, or a hub repository at a commit whose files lie in `folder`.

    `trusted`: the user accepts weights in files that can run code.
    """

    name: str
    folder: Path
    hub: str | None = None
    revision: str | None = None
    trusted: bool = False

    @property
    def config(self) -> Config:
        return Config(self.folder / "config.json", checkpoint_config(self.folder))

    def identity(self, family: str, dtype: str, weights: Mapping[str, str]) -> dict[str, Any]:
        """What decides the answers: family, dtype, and the SHA-256 of every file read.

        Of a hub repository the commit stands for the weights (their hashes `weights` are left out).
        """
        small = {
            name: hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
            for name in SMALL_FILES
            if (self.folder / name).exists()
        }
        identity = {"name": self.name, "family": family, "dtype": dtype}
        if self.hub is None:
            return {**identity, "files": {**small, **weights}}
        return {**identity, "hub": self.hub, "revision": self.revision, "files": small}


def safetensors_paths(folder: Path) -> list[Path]:
    """The safetensors files of a folder: those of its index, else model.safetensors, else all there are.

    ArtifactError for an index that is none or names files that are not there.
    """
    index = folder / "model.safetensors.index.json"
    if index.exists():
        return [folder / name for name in _shards(index)]
    single = folder / "model.safetensors"
    return [single] if single.exists() else sorted(folder.glob("*.safetensors"))


def _shards(index: Path) -> list[str]:
    try:
        names = sorted(set(orjson.loads(index.read_bytes())["weight_map"].values()))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ArtifactError(f"{index}: is no index of weight files") from None
    if any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise ArtifactError(f"{index}: names files outside its folder")
    missing = [name for name in names if not (index.parent / name).exists()]
    if missing:
        raise ArtifactError(f"{index.parent}: lacks weight files that its index names: {some_of(missing)}")
    return names


def some_of(names: Sequence[str]) -> str:
    """The first names of a list that may be long, and how many more there are."""
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
