"""A run of generations judged: rows streamed in batches, one scores file, whole or not at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pbench.artifacts import file_hash, kind_of, read_columns, read_manifest, read_rows, write_artifact
from pbench.errors import ArtifactError, UsageError
from pbench.grammar import GrammarChecker
from pbench.metrics import MetricTools, extract_answer, get_metric, score_many
from pbench.records import Generation, Score
from pbench.score.bertscore import BertScore
from pbench.score.cache import CachedChecker, cache_path
from pbench.score.find import default_output

__all__ = ["score_run"]

_ROWS_AT_ONCE = 1024
# What decides the scores: a file that agrees in these needs no second scoring.
_DECIDING = ("generations", "metrics", "grammar_checker", "bertscore")


def score_run(
    path: Path,
    *,
    checker: GrammarChecker | None = None,
    bertscore: BertScore | None = None,
    out: Path | None = None,
    force: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Score the generations in `path` and return the scores file (`out`, or beside `path`).

    A scores file made from the same bytes by the same metric versions and tools is returned as it
    is, unless `force`. Rows that were not decoded have no values and the error as reason; so have
    values whose tool is missing. `on_progress` gets (rows scored, rows in all) after each batch.

    ArtifactError if `path` holds no readable generations; UsageError for an unknown metric and for
    an `out` that holds something else; CheckerError if the checker cannot start.
    """
    target = out or default_output(path)
    run = read_manifest(path)
    metrics = read_columns(path, "generations", ["metric"])["metric"]
    names, total = sorted(set(metrics.to_pylist())), len(metrics)
    needs = {need for name in names for need in get_metric(name).needs}
    asked = checker if "grammar" in needs else None
    compared = bertscore if "bertscore" in needs else None
    manifest = _manifest(path, target, run, names, asked, compared)
    if _already(target, manifest) and not force:
        return target
    cached = None if asked is None else CachedChecker(asked, cache_path(target.parent))
    scores = _scored(read_rows(path, "generations"), MetricTools(cached, compared))
    # The writer takes the manifest when it has taken the last row; until then it is filled.
    return write_artifact(target, "scores", _counted(scores, manifest, total, on_progress), manifest)


def _manifest(
    path: Path,
    target: Path,
    run: dict[str, Any],
    metrics: list[str],
    checker: GrammarChecker | None,
    bertscore: BertScore | None,
) -> dict[str, Any]:
    """The manifest of the scores; counts are filled in while the rows go by.

    The path of the generations is relative to the folder of the scores: both move together. What
    the run says of itself is kept, but for the texts of its tokens.
    """
    return {
        "generations": {"path": os.path.relpath(path, target.parent), "sha256": file_hash(path)},
        "metrics": {name: get_metric(name).version for name in metrics},
        "grammar_checker": checker and {"name": checker.name, "version": checker.version},
        "bertscore": bertscore and {"model": bertscore.model, "version": bertscore.version},
        "answers_scored": 0,
        "unscored": 0,
        "counts": {},
        "status": run.get("status", "partial"),
        "run": {key: value for key, value in run.items() if key != "tokens"},
    }


def _already(target: Path, manifest: dict[str, Any]) -> bool:
    """Does `target` hold these scores? UsageError if it holds what is not to be overwritten."""
    if not target.exists():
        return False
    try:
        kind = kind_of(target)
        if kind != "scores":
            what = "no artifact of pbench" if kind is None else f"a {kind} file"
            raise UsageError(f"{target}: is {what}; choose another --out")
        there = read_manifest(target)
        read_columns(target, "scores", ["index"])  # verifies the whole file
    except ArtifactError:
        return False  # a damaged scores file is made again
    return all(_hashes(there.get(key)) == _hashes(manifest[key]) for key in _DECIDING)


def _hashes(value: Any) -> Any:
    """An input is the same if its bytes are, wherever it lies."""
    return value["sha256"] if isinstance(value, dict) and "sha256" in value else value


def _counted(
    scores: Iterable[Score],
    manifest: dict[str, Any],
    total: int,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[Score]:
    """Pass the scores on and fill in the manifest's counts."""
    statuses: Counter[str] = Counter()
    unscored = 0
    for done, score in enumerate(scores, 1):
        statuses[score.status] += 1
        unscored += score.values.get(score.headline) is None
        if on_progress is not None and (done % _ROWS_AT_ONCE == 0 or done == total):
            on_progress(done, total)
        yield score
    manifest["counts"] = dict(sorted(statuses.items()))
    manifest["answers_scored"] = sum(statuses.values()) - unscored
    manifest["unscored"] = unscored


def _scored(rows: Iterator[Generation], tools: MetricTools) -> Iterator[Score]:
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        yield from _score_batch(batch, tools)


def _score_batch(batch: list[Generation], tools: MetricTools) -> Iterator[Score]:
    """The scores of a batch in its order; each metric is asked once for all its rows."""
    rows_of: dict[str, list[int]] = {}
    for row, generation in enumerate(batch):
        if generation.status != "error":
            rows_of.setdefault(generation.sample.metric, []).append(row)
    outcomes: dict[int, tuple[dict[str, float | None], dict[str, str]]] = {}
    for metric, rows in rows_of.items():
        judged = score_many(
            metric,
            [_answer_text(batch[row]) for row in rows],
            [batch[row].sample.answer for row in rows],
            tools,
        )
        outcomes.update(zip(rows, judged, strict=True))
    for row, generation in enumerate(batch):
        yield _score(generation, *(outcomes.get(row) or _no_answer(generation)))


def _answer_text(generation: Generation) -> str:
    """What the metric judges: the output, or what follows the marker that the sample asks for."""
    marker = generation.sample.metadata.get("answer_marker")
    return extract_answer(generation.output_text, marker) if marker else generation.output_text


def _no_answer(generation: Generation) -> tuple[dict[str, float | None], dict[str, str]]:
    """No value at all, and the error of the decoding as the reason."""
    names = get_metric(generation.sample.metric).values
    reason = f"{generation.error_kind or 'error'}: {generation.error or 'not decoded'}"
    return dict.fromkeys(names), dict.fromkeys(names, reason)


def _score(generation: Generation, values: dict[str, float | None], reasons: dict[str, str]) -> Score:
    sample = generation.sample
    if sample.headline not in values:
        values = {**values, sample.headline: None}
        reasons = {**reasons, sample.headline: f"the metric {sample.metric} gives no such value"}
    return Score(
        sample_id=sample.sample_id,
        task=sample.task,
        category=sample.category,
        index=sample.index,
        status=generation.status,
        output_text=generation.output_text,
        metric=sample.metric,
        headline=sample.headline,
        metric_version=get_metric(sample.metric).version,
        values=values,
        reasons=reasons,
        error_kind=generation.error_kind,
        nfe=generation.nfe,
        query_tokens=generation.query_tokens,
        gen_length=generation.gen_length,
        block_length=generation.block_length,
        content_length=generation.content_length,
        seconds=generation.seconds,
    )
