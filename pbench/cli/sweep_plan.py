"""What a sweep would do: runs, samples, forward passes, a rough time, files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pbench.cli import console
from pbench.cli.sweep_runs import Looked, by_model, title
from pbench.errors import PbenchError

if TYPE_CHECKING:
    from pbench.cli.jobs import Prepared
    from pbench.cli.sweep_runs import Base
    from pbench.decode.grid import Cell, Grid
    from pbench.records import Sample

__all__ = ["tell_plan"]


@dataclass(slots=True)
class _Planned:
    """One run: its file, how far it is, and what is at most to be done for it."""

    title: str
    path: Path
    state: Literal["new", "begun", "done"]
    samples: int
    nfe_bound: int | None  # of a text generator: unknown
    gap_bound: int  # further passes that --measure-gap takes at most
    seconds: float | None = None


def tell_plan(grid: Grid, base: Base, measure: bool, as_json: bool) -> None:
    """Say what is to be done, for people on stderr or as one JSON object; nothing is written."""
    failures: dict[str, str] = {}
    planned: list[_Planned] = []
    for looked, cells in by_model(grid, base, failures):
        prepared = dict(_prepared(looked, cells, failures))
        mine = {name: _planned(looked, name, each) for name, each in prepared.items()}
        if looked.request.model.access is not None:
            _tell_costs(looked, prepared)
        elif measure and any(each.state != "done" for each in mine.values()):
            _time(looked, prepared, mine)
        planned += mine.values()
    if as_json:
        console.result_json(_as_json(planned, failures, grid))
    else:
        _tell(planned, failures)


def _prepared(
    looked: Looked, cells: Sequence[Cell], failures: dict[str, str]
) -> Iterator[tuple[str, Prepared]]:
    seen: set[tuple[tuple[str, ...], int | None]] = set()
    for cell in cells:
        try:
            prepared = looked.prepared(cell)
            prepared.look.check(_to_check(prepared.plan.samples, (cell.tasks, cell.gen_length), seen))
        except PbenchError as error:
            failures[title(cell)] = str(error)
        else:
            yield title(cell), prepared


def _to_check(
    samples: Sequence[Sample],
    kind: tuple[tuple[str, ...], int | None],
    seen: set[tuple[tuple[str, ...], int | None]],
) -> Sequence[Sample]:
    """All samples where prompts of these tasks and lengths are new; then one of each length is enough."""
    from pbench.decode.runners import by_length

    known = kind in seen
    seen.add(kind)
    return [each[0] for each in by_length(samples).values()] if known else samples


def _planned(looked: Looked, name: str, prepared: Prepared) -> _Planned:
    from pbench.decode.run import finished
    from pbench.decode.shards import journal_path

    path = looked.path(prepared)
    done = finished(prepared.plan, path) is not None
    begun = path.exists() or journal_path(path).exists()
    samples = prepared.plan.samples
    state: Literal["new", "begun", "done"] = "done" if done else "begun" if begun else "new"
    return _Planned(name, path, state, len(samples), _bound(prepared, samples), _gap_bound(prepared, samples))


def _bound(prepared: Prepared, samples: Sequence[Sample]) -> int | None:
    from pbench.decode import Engines, nfe_bound

    look = prepared.look
    if not isinstance(look, Engines):
        return None
    causal = look.denoiser.capabilities.block_causal
    return nfe_bound(samples, look.sampler, look.options.block_length, causal)


def _gap_bound(prepared: Prepared, samples: Sequence[Sample]) -> int:
    """Passes that measuring takes if nothing is taken back: one for each token but a sample's first."""
    return sum(sample.gen_length - 1 for sample in samples) if prepared.plan.measure_gap else 0


def _tell_costs(looked: Looked, prepared: dict[str, Prepared]) -> None:
    """What the runs of a remote model may take; it is not asked, for that is paid for."""
    from pbench.cli.access import tell_estimate
    from pbench.models.api import ApiModel

    if isinstance(looked.model, ApiModel):
        for name, each in prepared.items():
            console.note(f"{name}:")
            tell_estimate(looked.model, each.plan.samples)


def _time(looked: Looked, prepared: dict[str, Prepared], mine: dict[str, _Planned]) -> None:
    """Time a step of the first run of each length, and reckon the others of that length by it."""
    from pbench.cli.jobs import choice_of

    device = looked.base.where.device
    try:
        model = choice_of(looked.request).load(device)
        steps: dict[int, float] = {}
        for name, each in mine.items():
            each.seconds = _seconds(prepared[name], model, device, each, steps)
    except Exception as error:
        console.warn(f"{looked.model.name}: no step could be timed: {error}")


def _seconds(
    prepared: Prepared, model: Any, device: str, planned: _Planned, steps: dict[int, float]
) -> float:
    """At most, of one worker; `steps` keeps what was measured for a length."""
    from pbench.decode.measure import step_seconds
    from pbench.decode.runners import by_length

    total = 0.0
    for length, samples in by_length(prepared.plan.samples).items():
        if length not in steps:
            answerer = prepared.job.assemble(model, device)
            steps[length] = step_seconds(answerer, samples, prepared.request.batch_size)
        passes = _bound(prepared, samples)
        passes = len(samples) if passes is None else passes + _gap_bound(prepared, samples)
        total += steps[length] * passes
    return 0.0 if planned.state == "done" else total


def _tell(planned: Sequence[_Planned], failures: dict[str, str]) -> None:
    for each in planned:
        passes = "" if each.nfe_bound is None else f", at most {each.nfe_bound} forward passes"
        time = "" if each.seconds is None else f", {_duration(each.seconds)}"
        console.note(f"{each.title}: {each.samples} samples{passes}{time}; {each.state}: {each.path}")
    for name, reason in failures.items():
        console.note(f"{name}: cannot be run: {reason}")
    total = _total(planned)
    states = {state: sum(each.state == state for each in planned) for state in ("new", "begun", "done")}
    console.note(
        f"{len(planned)} runs ({states['new']} new, {states['begun']} begun, {states['done']} done),"
        f" {len(failures)} that cannot be run; {total['samples']} samples,"
        f" at most {total['nfe_bound']} forward passes of a sample in all"
    )
    if total["gap_bound"]:
        console.note(f"--measure-gap: at most {total['gap_bound']} more, if nothing is taken back")
    if total["seconds"] is not None:
        console.note(f"roughly {_duration(total['seconds'])} at most, of one worker, by a measured step")


def _total(planned: Sequence[_Planned]) -> dict[str, Any]:
    seconds = [each.seconds for each in planned if each.seconds is not None]
    return {
        "samples": sum(each.samples for each in planned),
        "nfe_bound": sum(each.nfe_bound or 0 for each in planned),
        "gap_bound": sum(each.gap_bound for each in planned),
        "seconds": sum(seconds) if seconds else None,
    }


def _as_json(planned: Sequence[_Planned], failures: dict[str, str], grid: Grid) -> dict[str, Any]:
    runs = [
        {
            "title": each.title,
            "file": str(each.path),
            "state": each.state,
            "samples": each.samples,
            "nfe_bound": each.nfe_bound,
            "gap_bound": each.gap_bound,
            "seconds": each.seconds,
        }
        for each in planned
    ]
    return {"runs": runs, **_total(planned), "failures": failures, "left_out": grid.left_out}


def _duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`, `2.1 days`."""
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * size:
            return f"{seconds / size:.0f} {unit}" if unit != "h" else f"{seconds / size:.1f} h"
    return f"{seconds / 86400:.1f} days"
