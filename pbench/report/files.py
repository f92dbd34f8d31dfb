"""Score files: what the manifest says, typed (settings, tasks, checker, status), and the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pbench.artifacts import Kind, Scored, read_manifest, scan
from pbench.artifacts.sheet import Sheet
from pbench.config import content_hash
from pbench.errors import ArtifactError
from pbench.report.points import Settings, TaskInfo, number

__all__ = ["Progress", "ScoreFile", "foreign", "read_score_files"]


class Progress(NamedTuple):
    """Samples of one task that were to be decoded, and those that were."""

    selected: int
    done: int


@dataclass(frozen=True)
class ScoreFile:
    """One score file and its rows as a `sheet`, so that each file is opened once.

    `source` is the generations file that it was made from, as the manifest names it, and `source_hash`
    that file's hash.
    `checker` and `bertscore` (name and version) are None where a run needed none; `metrics` maps
    metric to version; `varying` holds what two files of one run point may differ in, for messages.
    """

    path: Path
    source: str
    source_hash: str
    config_id: str
    settings: Settings
    tasks: Mapping[str, TaskInfo]
    progress: Mapping[str, Progress]
    checker: str | None
    bertscore: str | None
    metrics: Mapping[str, str]
    status: str
    varying: Mapping[str, Any]
    sheet: Sheet = field(repr=False, compare=False)

    def labelled(self, labels: Mapping[str, str]) -> ScoreFile:
        """The same file with further labels, which make it part of another run point."""
        merged = {**self.settings.labels, **labels}
        return replace(self, settings=replace(self.settings, labels=merged))

    @property
    def problem(self) -> str | None:
        """What is unfinished about this file, in words; None if it is whole."""
        selected = sum(task.selected for task in self.progress.values())
        done = sum(task.done for task in self.progress.values())
        if self.status == "complete" and done >= selected:
            return None
        status = "partial" if self.status == "complete" else self.status
        return f"{status}: {self.path} has {done} of {selected} samples"


def foreign(path: Path) -> ArtifactError:
    """What is wrong with a file that is none of pbench's artifacts."""
    try:
        kind = read_manifest(path)["kind"]
    except ArtifactError as error:
        return error
    return ArtifactError(f"{path}: holds {kind}, not scores; name a file that `pbench score` wrote")


def read_score_files(paths: Iterable[Path]) -> Iterator[ScoreFile | Kind | None]:
    """For each path the score file, only the kind of another artifact, or None for no artifact.

    ArtifactError for a corrupt artifact and for scores that lack what a report needs, at its turn.
    """
    for path in paths:
        found = scan(path)
        yield _score_file(path, found) if isinstance(found, Scored) else found


def _score_file(path: Path, found: Scored) -> ScoreFile:
    try:
        return _parse(path, found.manifest, found.sheet)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ArtifactError(
            f"{path}: its manifest lacks what a report needs ({type(error).__name__}: {error}); "
            "score it again"
        ) from None


def _parse(path: Path, manifest: Mapping[str, Any], sheet: Sheet) -> ScoreFile:
    run, checker = manifest["run"], manifest.get("grammar_checker")
    identity, data, bertscore = run["identity"], run.get("data", {}), manifest.get("bertscore")
    unfinished = [status for status in (run["status"], manifest["status"]) if status != "complete"]
    return ScoreFile(
        path=path,
        source=str(manifest["generations"]["path"]),
        source_hash=str(manifest["generations"]["sha256"]),
        config_id=str(run["config_id"]),
        settings=_settings(orjson.dumps(identity)),
        tasks={
            name: TaskInfo(
                task["category"], task["metric"], task["headline"], data.get(name, ""), int(task["samples"])
            )
            for name, task in run["tasks"].items()
        },
        progress={
            name: Progress(int(task["selected"]), int(task["done"])) for name, task in run["tasks"].items()
        },
        checker=None if checker is None else f"{checker['name']} {checker['version']}",
        bertscore=None if bertscore is None else f"{bertscore['model']} {bertscore['version']}",
        metrics={str(name): str(version) for name, version in manifest["metrics"].items()},
        status=unfinished[0] if unfinished else "complete",
        varying={name: identity.get(name) for name in ("seed", "gen_length")},
        sheet=sheet,
    )


@lru_cache(maxsize=4_096)
def _settings(identity_json: bytes) -> Settings:
    """The settings in an identity; as JSON, because the files of one run share theirs."""
    identity = orjson.loads(identity_json)
    model, sampler = identity["model"], identity.get("sampler")
    options = {} if sampler is None else sampler.get("given", sampler.get("options", {}))
    return Settings(
        model=str(model["name"]),
        model_id=content_hash(dict(model))[:8],
        sampler=None if sampler is None else str(sampler["name"]),
        params={name: value for name, value in options.items() if value is not None},
        block_length=identity.get("block_length"),
        cache=identity.get("cache") or "none",
        temperature=float(identity.get("temperature") or 0.0),
        compat=identity.get("compat"),
        dtype=identity.get("dtype"),
        infill=bool(identity.get("infill")),
        decoding=_decoding(identity),
        labels={str(name): number(value) for name, value in (identity.get("labels") or {}).items()},
    )


def _decoding(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Further options that are not at their defaults; a verifier goes by its name."""
    options = {name: identity.get(name) for name in ("eos", "top_p", "top_k")}
    options["verifier"] = (identity.get("verifier") or {}).get("name")
    return {name: value for name, value in options.items() if value not in (None, "none")}
