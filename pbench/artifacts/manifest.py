"""The manifest of an artifact: made, checked, and turned to bytes; one form for both file forms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from pbench import __version__
from pbench.artifacts.schemas import KINDS, MADE_BY, SCHEMA_VERSION, Kind
from pbench.artifacts.text import json_bytes
from pbench.errors import ArtifactError

__all__ = ["check", "complete", "kind_in", "parse", "require_kind", "to_bytes"]


def complete(manifest: Mapping[str, Any], kind: Kind, rows: int) -> dict[str, Any]:
    """`manifest` headed by what every artifact says of itself."""
    head = {"schema_version": SCHEMA_VERSION, "kind": kind, "pbench_version": __version__, "rows": rows}
    return head | {key: value for key, value in manifest.items() if key not in head}


def to_bytes(manifest: Mapping[str, Any]) -> bytes:
    """JSON of a manifest, keys in the order given; ValueError for values without a JSON form."""
    return json_bytes(manifest)


def kind_in(data: bytes) -> Kind | None:
    """The kind that the first manifest in `data` begins with; None if there is none or of another version.

    The first one, for in it stands that of the file that it was made from.
    """
    rest = data.partition(b'{"schema_version":')[2]
    heads = {kind: b'%d,"kind":"%s",' % (SCHEMA_VERSION, kind.encode()) for kind in KINDS}
    return next((kind for kind, head in heads.items() if rest.startswith(head)), None)


def parse(data: bytes, path: Path) -> dict[str, Any]:
    """The manifest that `data` holds; ArtifactError where it is damaged or of another schema."""
    try:
        manifest = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ArtifactError(f"{path}: its manifest is damaged; make the file again") from None
    if not isinstance(manifest, dict):
        raise ArtifactError(f"{path}: its manifest is damaged; make the file again")
    return check(manifest, path)


def check(manifest: dict[str, Any], path: Path) -> dict[str, Any]:
    """`manifest` itself if this version can read it; ArtifactError otherwise."""
    version, kind, rows = (manifest.get(key) for key in ("schema_version", "kind", "rows"))
    if isinstance(version, int) and version > SCHEMA_VERSION:
        maker = manifest.get("pbench_version", "unknown")
        raise ArtifactError(
            f"{path}: written by a newer pbench ({maker}, schema {version}; this one reads up to "
            f"{SCHEMA_VERSION}); update pbench"
        )
    if version not in range(1, SCHEMA_VERSION + 1) or kind not in KINDS or not isinstance(rows, int):
        raise ArtifactError(f"{path}: its manifest is no pbench manifest of schema 1 to {SCHEMA_VERSION}")
    return manifest


def require_kind(manifest: Mapping[str, Any], kind: Kind, path: Path) -> None:
    """ArtifactError that names the command to use, unless the manifest is one of `kind`."""
    found: Kind = manifest["kind"]
    if found != kind:
        raise ArtifactError(f"{path}: holds {found}, not {kind}; `{MADE_BY[kind]}` makes {kind}")
