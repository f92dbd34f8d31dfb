"""Single answers for the page and the terminal: text, score, and how they were unmasked.

Scores stand in score files, prompts and traces in the generations that they were made from; those
are found by the score file's manifest and taken only if they are still the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pbench.artifacts import file_hash, read_columns, read_manifest
from pbench.artifacts.rows import from_row
from pbench.errors import ArtifactError
from pbench.records import Generation
from pbench.report.rows import Headline
from pbench.report.sources import source_of
from pbench.report.tokens import TokenTexts

__all__ = ["Details", "Judged", "generations_of", "read_details", "read_generations", "read_judged"]

_SCORE_COLUMNS = (
    "sample_id", "task", "index", "status", "error_kind", "output_text", "nfe", "content_length",
    "gen_length", "headline", "scores", "reasons",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer as scored: `value` 0..1, None with a `reason`."""

    sample_id: str
    task: str
    index: int
    status: str
    text: str
    value: float | None
    reason: str | None
    nfe: int | None
    gen_length: int | None
    content_length: int | None


@dataclass(frozen=True, slots=True)
class Details:
    """What the generations of one score file add, by sample id; `why` says why they add nothing."""

    rows: Mapping[str, Generation] = field(default_factory=dict)
    tokens: TokenTexts = field(default_factory=TokenTexts)
    why: str | None = None


def read_judged(path: Path, headline: Headline) -> list[Judged]:
    """All answers of a score file, in its order; ArtifactError if it is corrupt."""
    rows = read_columns(path, "scores", _SCORE_COLUMNS).to_pylist()
    return [_judged(row, "score" if headline == "combined" else row["headline"]) for row in rows]


def generations_of(scores: Path) -> Path:
    """The generations that a score file was made from.

    ArtifactError if they are not where its manifest says, nor beside it, or were changed since.
    """
    stated = read_manifest(scores)["generations"]
    source = source_of(scores, str(stated["path"]))
    if source is None:
        raise ArtifactError(f"{scores}: its generations {stated['path']} are not there; decode them again")
    if file_hash(source.path) != stated["sha256"]:
        raise ArtifactError(f"{source.path}: changed since {scores} was made; score it again")
    return source.path


def read_details(scores: Path, sample_ids: Collection[str]) -> Details:
    """The generations of `sample_ids` behind a score file; a reason instead of them where there are none."""
    try:
        path = generations_of(scores)
        return Details(read_generations(path, sample_ids), TokenTexts.of(read_manifest(path)))
    except ArtifactError as error:
        return Details(why=str(error))


def read_generations(path: Path, sample_ids: Collection[str] | None) -> dict[str, Generation]:
    """The generations of `sample_ids` (None: all) in a file, by sample id, in the file's order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from pbench.artifacts.schemas import column_names

    table = read_columns(path, "generations", column_names("generations"))
    if sample_ids is not None:
        table = table.filter(pc.is_in(table["sample_id"], pa.array(list(sample_ids), pa.string())))
    rows: Sequence[dict[str, Any]] = table.to_pylist()
    records = (from_row("generations", row) for row in rows)
    return {record.sample.sample_id: record for record in records if isinstance(record, Generation)}


def _judged(row: Mapping[str, Any], headline: str) -> Judged:
    failed = row["status"] == "error"
    values, reasons = dict(row["scores"]), dict(row["reasons"])
    return Judged(
        sample_id=row["sample_id"],
        task=row["task"],
        index=row["index"],
        status=row["status"],
        text=row["output_text"],
        value=None if failed else values.get(headline),
        reason=reasons.get(headline) or row["error_kind"],
        nfe=row["nfe"],
        gen_length=row["gen_length"],
        content_length=row["content_length"],
    )
