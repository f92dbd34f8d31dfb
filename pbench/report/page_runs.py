"""Which run points the sample browser shows, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pbench.artifacts import read_columns, read_manifest
from pbench.errors import ArtifactError, UsageError, nearest
from pbench.records import Generation
from pbench.report.answers import Judged, generations_of, read_details, read_generations, read_judged
from pbench.report.browser import Limits, Run, browser_data, even
from pbench.report.build import Report
from pbench.report.charts import colour
from pbench.report.findings import Findings
from pbench.report.points import Point, setting_text
from pbench.report.series import Series
from pbench.report.sweeps import swept_parameter
from pbench.report.tokens import TokenTexts

__all__ = ["MOST_FILES", "browser_of", "find_samples", "run_of_file"]

MOST_FILES = 200  # opened for their answers; a larger grid shows the best of its run points
_MOST_ANSWERS = 20_000


def browser_of(report: Report, findings: Findings, limits: Limits) -> dict[str, Any]:
    """The browser's data over the run points of a report, those on the frontier first if not all fit."""
    chosen = _chosen(report)
    scores = {id(point): _judged(report, point) for _, point in chosen}
    wanted = _wanted(list(scores.values()), limits.samples)
    runs = [_run(series, point, scores[id(point)], wanted, findings) for series, point in chosen]
    answered = {name for answers in scores.values() for name in answers}
    left_out = len(report.points) - len(chosen)
    return browser_data(runs, limits) | {"sample_count": len(answered), "points_left_out": left_out}


def run_of_file(path: Path, sample_ids: frozenset[str] | None) -> Run:
    """The run in a generations file, or behind a score file: of `sample_ids`, or of all its answers.

    Scores are those of the score file, or of the one beside the generations if there is one that was
    made from them. ArtifactError as the readers raise it.
    """
    manifest = read_manifest(path)
    scores: Path | None = path if manifest["kind"] == "scores" else None
    if scores is not None:
        path = generations_of(scores)
        manifest = read_manifest(path)
    else:
        scores = _scores_beside(path)
    generations = read_generations(path, sample_ids)
    judged = {} if scores is None else {one.sample_id: one for one in read_judged(scores, "default")}
    unscored = [] if judged else [f"not scored: pbench score {path}"]
    tokens, identity = TokenTexts.of(manifest), manifest.get("identity", {})
    sampler = str((identity.get("sampler") or {}).get("name") or "autoregressive")
    setting, fixed = _setting(identity)
    return Run(
        model=str(identity.get("model", {}).get("name", "?")),
        sampler=sampler,
        setting=setting,
        fixed=fixed,
        colour=colour(sampler),
        answers={name: judged.get(name) or _unjudged(row) for name, row in generations.items()},
        generations=generations,
        tokens=tokens,
        note=_note([*unscored, *_wordless(generations, tokens)]),
    )


def find_samples(path: Path, wanted: str | None) -> frozenset[str] | None:
    """The one sample in `path` named `wanted`, in full or by the end of its id; None means all of them.

    UsageError for a name that no sample has, or several have.
    """
    if wanted is None:
        return None
    kind = read_manifest(path)["kind"]
    if kind == "samples":
        raise ArtifactError(f"{path}: holds the samples of a task, no answers; name a file that decode wrote")
    names = read_columns(path, kind, ["sample_id"])["sample_id"].to_pylist()
    if wanted in names:
        return frozenset([wanted])
    ends = [name for name in names if name.endswith(f"/{wanted}")]
    if len(ends) > 1:
        raise UsageError(f"{wanted}: several samples end so ({', '.join(ends[:3])}); give the whole id")
    if not ends:
        hint = nearest(wanted, names) or nearest(wanted, {name.partition("/")[2] for name in names})
        raise UsageError(f"{path}: has no sample {wanted!r}{hint}; it has {len(names)}, e.g. {names[0]}")
    return frozenset(ends)


def _scores_beside(path: Path) -> Path | None:
    beside = path.with_name(f"{path.stem}.scores{path.suffix}")
    try:
        return beside if beside.is_file() and generations_of(beside).samefile(path) else None
    except (ArtifactError, KeyError):
        return None


def _setting(identity: Mapping[str, Any]) -> tuple[str, str]:
    """The swept parameter in words, and the other options that are not at their defaults."""
    sampler = identity.get("sampler") or {}
    given = sampler.get("given", sampler.get("options", {}))
    words = {name: value for name, value in given.items() if value is not None}
    if identity.get("block_length") not in ("full", None):
        words["block_length"] = identity["block_length"]
    swept = swept_parameter(sampler.get("name"), words)
    setting = "-" if swept not in words else setting_text(str(swept), words.pop(swept))
    return setting, ", ".join(setting_text(name, value) for name, value in words.items())


def _unjudged(row: Generation) -> Judged:
    sample = row.sample
    return Judged(
        sample_id=sample.sample_id,
        task=sample.task,
        index=sample.index,
        status=row.status,
        text=row.output_text,
        value=None,
        reason=row.error or row.error_kind,
        nfe=row.nfe,
        gen_length=row.gen_length,
        content_length=row.content_length,
    )


def _chosen(report: Report) -> list[tuple[Series, Point]]:
    """Run points by series whose files may be opened: on the frontier first, the others evenly."""
    pairs = [(series, point) for series in report.series for point in series.points]
    best = {identity for identities in report.frontier.values() for identity in identities}
    first = [pair for pair in pairs if pair[1].settings.id in best]
    others = [pair for pair in pairs if pair[1].settings.id not in best]
    each = max(max(len(point.files) for _, point in pairs), 1)
    room = max(MOST_FILES // each, 2)
    kept = even(first, room)
    kept += even(others, room - len(kept))
    names = {point.settings.id for _, point in kept}
    return [pair for pair in pairs if pair[1].settings.id in names]


def _judged(report: Report, point: Point) -> dict[str, Judged]:
    return {one.sample_id: one for file in point.files for one in read_judged(Path(file), report.headline)}


def _wanted(scores: list[dict[str, Judged]], most: int | None) -> frozenset[str]:
    """The sample ids that may be shown: evenly over each task, so many that no more is read than shown."""
    tasks: dict[str, dict[str, int]] = {}
    for answers in scores:
        for one in answers.values():
            tasks.setdefault(one.task, {})[one.sample_id] = one.index
    room = max(_MOST_ANSWERS // max(len(scores) * len(tasks), 1), 1)
    count = room if most is None else most
    return frozenset(
        name for found in tasks.values() for name in even(sorted(found, key=lambda n: found[n]), count)
    )


def _run(
    series: Series, point: Point, scores: dict[str, Judged], wanted: frozenset[str], findings: Findings
) -> Run:
    details = [read_details(Path(file), wanted) for file in point.files]
    generations = {name: row for one in details for name, row in one.rows.items()}
    tokens = _merged([one.tokens for one in details])
    reasons = [one.why for one in details if one.why]
    identity = point.settings.id
    return Run(
        model=series.model,
        sampler=series.sampler_name,
        setting=point.settings.setting,
        fixed=series.settings,
        colour=colour(series.sampler_name),
        answers={name: one for name, one in scores.items() if name in wanted},
        generations=generations,
        tokens=tokens,
        kinds={name: kind for (own, name), kind in findings.kind_of.items() if own == identity},
        point=identity,
        note=_note([*reasons, *_wordless(generations, tokens)]),
    )


def _wordless(generations: Mapping[str, Generation], tokens: TokenTexts) -> list[str]:
    """A remark if there are traces whose tokens have no texts."""
    if tokens.texts or not any(row.trace for row in generations.values()):
        return []
    return ["its file has no token texts, so tokens are numbers; decode again with this pbench"]


def _note(remarks: list[str]) -> str | None:
    return "; ".join(remarks) or None


def _merged(tables: list[TokenTexts]) -> TokenTexts:
    """One table of all: the files of a run point are of one model."""
    return TokenTexts(
        {token: text for table in tables for token, text in table.texts.items()},
        {token: name for table in tables for token, name in table.special.items()},
    )
