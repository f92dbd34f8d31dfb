"""A run of generations judged: rows streamed in batches, one scores file, whole or not at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pbench.artifacts import (
    file_hash,
    kind_of,
    once_each,
    read_columns,
    read_manifest,
    read_rows,
    run_lock,
    write_artifact,
)
from pbench.errors import ArtifactError, UsageError
from pbench.grammar import GrammarChecker
from pbench.metrics import MetricTools, Outcome, get_metric, judged_text, score_many
from pbench.metrics.cells import explain
from pbench.metrics.texts import NO_BERTSCORE, NO_CHECKER
from pbench.records import Generation, Score
from pbench.score.bertscore import BertScore
from pbench.score.cache import CachedChecker, cache_path
from pbench.score.find import default_output

__all__ = ["needs_of", "refuse_other_checker", "score_run"]

_ROWS_AT_ONCE = 1024
_CHARACTERS_AT_ONCE = 8_000_000  # bounds the memory where answers are megabytes
# What decides the scores: a file that agrees in these needs no second scoring.
_DECIDING = ("generations", "metrics", "grammar_checker", "bertscore")
# A value without its tool is no failure: the same command would not find it either.
_ABSENT = frozenset((NO_CHECKER, NO_BERTSCORE))


def needs_of(path: Path) -> frozenset[str]:
    """The tools (fields of MetricTools) that the metrics of a run ask for, by its manifest.

    A metric that nobody knows asks for nothing; ArtifactError as in score_run.
    """
    tasks = read_manifest(path).get("tasks")
    entries = list(tasks.values()) if isinstance(tasks, dict) else []
    if entries and all(isinstance(entry, dict) and "metric" in entry for entry in entries):
        names = {str(entry["metric"]) for entry in entries}
    else:
        names = set(_metrics(path))
    needs: set[str] = set()
    for name in names:
        with suppress(UsageError):
            needs |= get_metric(name).needs
    return frozenset(needs)


def refuse_other_checker(path: Path, out: Path, checker: GrammarChecker | None) -> None:
    """UsageError where `out` holds scores of the run `path` by another grammar checker than this one.

    For a checker that nobody named: it must not replace what another one found, nor join it.
    """
    if checker is None or "grammar" not in needs_of(path):
        return
    there = _scores_manifest(out)
    judge = None if there is None else there.get("grammar_checker")
    if judge is not None and judge["name"] != checker.name:
        raise UsageError(
            f"{out}: scored with {judge['name']} {judge['version']}, and --grammar auto takes {checker.name} "
            f"now; --grammar {checker.name} scores it again"
        )


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
    is, unless a tool failed on one of its rows, or with `force`. Rows that were not decoded have no
    values and the error as reason; so have values whose tool is missing or failed. `on_progress`
    gets (rows scored, rows in all) after each batch.

    ArtifactError if `path` holds no readable generations; UsageError for an unknown metric and for
    an `out` that holds something else; LockedError if another process scores into `out`;
    CheckerError if the checker does not tell its version.
    """
    target = out or default_output(path)
    manifest = _manifest(path, target, checker, bertscore)
    if _already(target, manifest) and not force:
        return target
    with run_lock(target):
        asked = None if manifest["grammar_checker"] is None else checker
        compared = None if manifest["bertscore"] is None else bertscore
        cached = None if asked is None else CachedChecker(asked, cache_path(target.parent))
        rows = once_each(read_rows(path, "generations"), path)
        scores = _scored(rows, MetricTools(cached, compared))
        total = read_manifest(path)["rows"]
        # The writer takes the manifest when it has taken the last row; until then it is filled.
        return write_artifact(target, "scores", _counted(scores, manifest, total, on_progress), manifest)


def _metrics(path: Path) -> list[str]:
    """Names of the metrics in a run, sorted; the file is verified."""
    return sorted(read_columns(path, "generations", ["metric"])["metric"].unique().to_pylist())


def _manifest(
    path: Path, target: Path, checker: GrammarChecker | None, bertscore: BertScore | None
) -> dict[str, Any]:
    """The manifest of the scores; counts are filled in while the rows go by.

    A tool is named only if a metric asks for it. The path of the generations is relative to the
    folder of the scores: both move together. What
    the run says of itself is kept, but for the texts of its tokens.
    """
    run, metrics = read_manifest(path), _metrics(path)
    needs = {need for name in metrics for need in get_metric(name).needs}
    checker = checker if "grammar" in needs else None
    bertscore = bertscore if "bertscore" in needs else None
    return {
        "generations": {"path": os.path.relpath(path, target.parent), "sha256": file_hash(path)},
        "metrics": {name: get_metric(name).version for name in metrics},
        "grammar_checker": checker and {"name": checker.name, "version": checker.version},
        "bertscore": bertscore and {"model": bertscore.model, "version": bertscore.version},
        "answers_scored": 0,
        "unscored": 0,
        "failed": 0,
        "counts": {},
        "status": run.get("status", "partial"),
        "run": {key: value for key, value in run.items() if key != "tokens"},
    }


def _already(target: Path, manifest: dict[str, Any]) -> bool:
    """Does `target` hold these scores, none of which a tool failed to give?

    UsageError if it holds what is not to be overwritten. A damaged file is made again.
    """
    there = _scores_manifest(target)
    if there is None or there.get("failed"):
        return False
    try:
        read_columns(target, "scores", ["index"])  # verifies the whole file
    except ArtifactError:
        return False
    return all(_hashes(there.get(key)) == _hashes(manifest[key]) for key in _DECIDING)


def _scores_manifest(target: Path) -> dict[str, Any] | None:
    """The manifest of the scores there, None where there is no readable file."""
    if not target.exists():
        return None
    try:
        kind = kind_of(target)
        if kind == "scores":
            return read_manifest(target)
    except ArtifactError:
        return None
    what = "no artifact of pbench" if kind is None else f"a {kind} file"
    raise UsageError(f"{target}: is {what}; choose another --out")


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
    unscored = failed = 0
    for done, score in enumerate(scores, 1):
        statuses[score.status] += 1
        unscored += score.values.get(score.headline) is None
        failed += _tool_failed(score)
        if on_progress is not None and (done % _ROWS_AT_ONCE == 0 or done == total):
            on_progress(done, total)
        yield score
    manifest["counts"] = dict(sorted(statuses.items()))
    manifest["answers_scored"] = sum(statuses.values()) - unscored
    manifest["unscored"] = unscored
    manifest["failed"] = failed


def _tool_failed(score: Score) -> bool:
    """Whether a value is missing that another try may give."""
    asked = score.status != "error" and bool(get_metric(score.metric).needs)
    return asked and not _ABSENT.issuperset(score.reasons.values())


def _scored(rows: Iterable[Generation], tools: MetricTools) -> Iterator[Score]:
    batch: list[Generation] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row.output_text)
        if len(batch) == _ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield from _score_batch(batch, tools)
            batch, characters = [], 0
    yield from _score_batch(batch, tools)


def _score_batch(batch: list[Generation], tools: MetricTools) -> Iterator[Score]:
    """The scores of a batch in its order; each metric is asked once for all its rows."""
    rows_of: dict[str, list[int]] = {}
    for row, generation in enumerate(batch):
        if generation.status != "error":
            rows_of.setdefault(generation.sample.metric, []).append(row)
    outcomes: dict[int, Outcome] = {}
    for metric, rows in rows_of.items():
        judged = _judged(metric, [batch[row] for row in rows], tools)
        outcomes.update(zip(rows, judged, strict=True))
    for row, generation in enumerate(batch):
        yield _score(generation, *(outcomes.get(row) or _no_answer(generation)))


def _judged(metric: str, rows: list[Generation], tools: MetricTools) -> list[Outcome]:
    """The outcomes of rows of one metric; one that it cannot take costs no other its values."""
    texts = [judged_text(row.output_text, row.sample.metadata) for row in rows]
    try:
        return score_many(metric, texts, [row.sample.answer for row in rows], tools)
    except Exception as error:
        if len(rows) == 1:
            names = get_metric(metric).values
            return [(dict.fromkeys(names), dict.fromkeys(names, explain(error)))]
        middle = len(rows) // 2
        return _judged(metric, rows[:middle], tools) + _judged(metric, rows[middle:], tools)


def _no_answer(generation: Generation) -> Outcome:
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
