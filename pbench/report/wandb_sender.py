"""`python -m pbench.report.wandb_sender DIR`: the files of a report folder as one run of Weights & Biases.

Tables `points` (points.csv), `pbx` and `curves` (report.json), the picture of the curves, and all
files as an artifact. Prints where they are; an error is one line on stderr and exit code 1.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

__all__ = ["curve_rows", "main", "pbx_rows", "point_rows"]

Rows = tuple[list[str], list[list[Any]]]
_INIT_SECONDS = 30
_MOST_LETTERS = 300
_CURVE = ("model", "sampler", "setting", "task", "tokens_per_step", "score", "low", "high", "n")


def point_rows(folder: Path) -> Rows:
    """Columns and rows of points.csv; numbers as numbers."""
    with (folder / "points.csv").open(newline="", encoding="utf-8") as file:
        columns, *rows = csv.reader(file)
    return columns, [[_number(cell) for cell in row] for row in rows]


def pbx_rows(report: Mapping[str, Any]) -> Rows:
    """A row a sampler and definition, a column a threshold."""
    thresholds = sorted({x for row in report["pbx"] for x in row["measured"]}, key=int, reverse=True)
    rows = [
        [row["model"], row["sampler"], kind, *(row[kind].get(x) for x in thresholds)]
        for row in report["pbx"]
        for kind in ("measured", "interpolated")
    ]
    return ["model", "sampler", "definition", *(f"PB{x}" for x in thresholds)], rows


def curve_rows(report: Mapping[str, Any]) -> Rows:
    """A row a run point and task, and one for the mean over tasks."""
    return list(_CURVE), [row for point in report["points"] for row in _curve(point)]


def main(arguments: Sequence[str]) -> int:
    """Send the folder named in `arguments`; the exit code."""
    try:
        print(_send(Path(arguments[0])))
    except Exception as error:  # whatever the tracker throws is one line for the parent
        text = " ".join(str(error).split()) or type(error).__name__
        print(text[:_MOST_LETTERS], file=sys.stderr)
        return 1
    return 0


def _send(folder: Path) -> str:
    import wandb

    report = orjson.loads((folder / "report.json").read_bytes())
    tables = {"points": point_rows(folder), "pbx": pbx_rows(report), "curves": curve_rows(report)}
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "pbench"),
        dir=os.environ.get("WANDB_DIR", str(folder)),  # its own files never land in the working folder
        job_type="report",
        name=os.environ.get("WANDB_NAME", folder.resolve().name),
        config={"suite": report["suite"]["name"], "models": sorted({p["model"] for p in report["points"]})},
        settings=wandb.Settings(init_timeout=_INIT_SECONDS, console="off", silent=True),
    )
    logged: dict[str, Any] = {
        name: wandb.Table(columns=columns, data=rows, allow_mixed_types=True)
        for name, (columns, rows) in tables.items()
    }
    if (folder / "curves.svg").is_file():
        logged["picture"] = wandb.Html((folder / "curves.svg").read_text(encoding="utf-8"), inject=False)
    run.log(logged)
    files = wandb.Artifact("report", type="report")
    for path in sorted(folder.iterdir()):
        if path.is_file():
            files.add_file(str(path))
    run.log_artifact(files)
    where = run.url or str(Path(run.dir).parent)
    run.finish()
    return where


def _curve(point: Mapping[str, Any]) -> Iterator[list[Any]]:
    parameter = point.get("parameter")
    value = point["params"].get(parameter, point.get(parameter)) if parameter else None
    setting = "published" if point.get("published") else "-" if parameter is None else f"{parameter}={value}"
    for task, stats in [*point["tasks"].items(), ("mean over tasks", point["overall"])]:
        if stats is not None:
            low, high = stats["ci95"] or (None, None)
            names = [point["model"], point["sampler"], setting, task]
            yield [*names, stats["tokens_per_step"], stats["score"], low, high, stats["n"]]


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the tracker's service, waiting for a server that is gone, would hold up the end
