"""Artifacts: what the stages hand on. Schemas, verified read, atomic write, journal, lock.

Every file that this package writes appears whole or not at all; every row that it reads is the
row that was written, or the reader raises ArtifactError. Importing it does not import pyarrow.
"""

from __future__ import annotations

from pbench.artifacts.artifact import (
    kind_of,
    once_each,
    read_answers,
    read_batches,
    read_columns,
    read_manifest,
    read_rows,
    samples_hash,
    scan,
    write_artifact,
)
from pbench.artifacts.difference import difference
from pbench.artifacts.environment import environment
from pbench.artifacts.files import atomic_file, atomic_text, file_hash, numbered_lines
from pbench.artifacts.journal import Journal, Replay
from pbench.artifacts.lock import run_lock
from pbench.artifacts.schemas import SCHEMA_VERSION, Kind
from pbench.artifacts.scored import Scored
from pbench.artifacts.text import valid_text

__all__ = [
    "SCHEMA_VERSION",
    "Journal",
    "Kind",
    "Replay",
    "Scored",
    "atomic_file",
    "atomic_text",
    "difference",
    "environment",
    "file_hash",
    "kind_of",
    "numbered_lines",
    "once_each",
    "read_answers",
    "read_batches",
    "read_columns",
    "read_manifest",
    "read_rows",
    "run_lock",
    "samples_hash",
    "scan",
    "valid_text",
    "write_artifact",
]
