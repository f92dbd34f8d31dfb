"""A run of generations judged: rows streamed in batches, one scores file, whole or not at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any

from pbench.artifacts import (
    file_hash,
    kind_of,
    once_each,
    read_answers,
    read_batches,
    read_manifest,
    run_lock,
    write_artifact,
)
from pbench.errors import ArtifactError, UsageError
from pbench.grammar import GrammarChecker
from pbench.metrics import MetricTools, get_metric
from pbench.metrics.texts import NO_BERTSCORE, NO_CHECKER
from pbench.records import Score
from pbench.score.batches import ROWS_AT_ONCE, scored, scored_apart
from pbench.score.bertscore import BertScore
from pbench.score.cache import CachedChecker, cache_path
from pbench.score.cuts import Cuts
from pbench.score.find import default_output

__all__ = ["needs_of", "refuse_other_checker", "score_run"]

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
    pool: Executor | None = None,
) -> Path:
    """Score the generations in `path` and return the scores file (`out`, or beside `path`).

    A scores file made from the same bytes by the same metric versions and tools is returned as it
    is, unless a tool failed on one of its rows, or with `force`. Rows that were not decoded have no
    values and the error as reason; so have values whose tool is missing or failed. `on_progress`
    gets (rows scored, rows in all) after each batch. In the processes of a `pool` the checker is a
    harper of their own, and there is no BERTScore.

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
        findings = cache_path(target.parent)
        rows = once_each(read_answers(path), path)
        if pool is None:
            cached = None if asked is None else CachedChecker(asked, findings)
            scores = scored(rows, MetricTools(cached, compared))
        else:
            scores = scored_apart(rows, pool, None if asked is None else findings)
        total = read_manifest(path)["rows"]
        # The writer takes the manifest when it has taken the last row; until then it is filled.
        counted = _counted(scores, manifest, Cuts(asked), total, on_progress)
        return write_artifact(target, "scores", counted, manifest)


def _metrics(path: Path) -> list[str]:
    """Names of the metrics in a run, sorted; the file is verified."""
    pieces = read_batches(path, "generations", ["metric"])
    return sorted({name for piece in pieces for name in piece["metric"].unique().to_pylist()})


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
        "cut": {},
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
        for _ in read_batches(target, "scores", ["index"]):  # verifies the whole file
            break
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
    cuts: Cuts,
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
        cuts.look_at(score)
        if on_progress is not None and (done % ROWS_AT_ONCE == 0 or done == total):
            on_progress(done, total)
        yield score
    manifest["counts"] = dict(sorted(statuses.items()))
    manifest["answers_scored"] = sum(statuses.values()) - unscored
    manifest["unscored"] = unscored
    manifest["failed"] = failed
    manifest["cut"] = cuts.found


def _tool_failed(score: Score) -> bool:
    """Whether a value is missing that another try may give."""
    asked = score.status != "error" and bool(get_metric(score.metric).needs)
    return asked and not _ABSENT.issuperset(score.reasons.values())
