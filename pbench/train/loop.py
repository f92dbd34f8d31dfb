"""The one training loop: steps, loss curve, checkpoints from which a killed run goes on exactly.

A run's folder holds training.json (what is trained), training.jsonl (the loss curve) and, while it
goes on, checkpoint.pt. Lines that were written after the last checkpoint are cut off when a run
goes on, so that the curve is that of an uninterrupted one.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import orjson
import torch

from pbench.artifacts import atomic_file, atomic_text, run_lock
from pbench.artifacts.files import remove_leftovers
from pbench.config import content_hash
from pbench.errors import ArtifactError, UsageError

__all__ = ["ABOUT", "CURVE", "Trainable", "follow", "load_state", "read_about", "read_curve", "run"]

CURVE, ABOUT, _CHECKPOINT = "training.jsonl", "training.json", "checkpoint.pt"
_WRITTEN = (ABOUT, _CHECKPOINT, "model.safetensors", "adapter_model.safetensors")
_REPORT_EVERY = 50
_SIGNIFICANT = 4  # decimals of a loss in the curve


class Trainable(Protocol):
    """What the loop trains: one of these has everything that changes during training."""

    step: int

    @property
    def about(self) -> dict[str, Any]:
        """What determines the run, as plain data; a folder belongs to one."""
        ...

    @property
    def steps(self) -> int: ...
    @property
    def log_every(self) -> int: ...
    @property
    def checkpoint_every(self) -> int: ...

    def train_step(self) -> float:
        """One optimizer step; `step` grows by one. The loss."""
        ...

    def measures(self) -> dict[str, Any]:
        """What else stands in the curve's line of this step."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: plain values and tensors only."""
        ...

    def restore(self, state: dict[str, Any]) -> None: ...

    def export(self, folder: Path) -> None:
        """Write what was trained."""
        ...


def run(
    trainer: Trainable,
    out: Path,
    report: Callable[[str], None],
    watch: Callable[[dict[str, Any]], None] = lambda _line: None,
) -> bool:
    """Train into `out`, or go on from the checkpoint there; False if it was complete already.

    `watch` gets each line of the curve when it is written. UsageError if `out` holds another run,
    LockedError if another process trains into it, ArtifactError for files there that are damaged.
    """
    with run_lock(out / CURVE):
        for name in _WRITTEN:
            remove_leftovers(out / name)
        return _run(trainer, out, report, watch)


def _run(
    trainer: Trainable, out: Path, report: Callable[[str], None], watch: Callable[[dict[str, Any]], None]
) -> bool:
    about = _claim(trainer, out)
    checkpoint, curve = out / _CHECKPOINT, out / CURVE
    if checkpoint.exists():
        trainer.restore(load_state(checkpoint))
        report(f"going on from step {trainer.step} of {checkpoint}")
    elif about.get("complete"):
        return False
    _cut(curve, trainer.step)
    started = time.monotonic()
    with curve.open("ab") as log:
        while trainer.step < trainer.steps:
            loss = trainer.train_step()
            last = trainer.step == trainer.steps
            if trainer.step % trainer.log_every == 0 or last:
                line = {"step": trainer.step, "loss": round(loss, _SIGNIFICANT), **trainer.measures()}
                line["seconds"] = round(time.monotonic() - started, 1)
                log.write(orjson.dumps(line) + b"\n")
                log.flush()
                watch(line)
            if trainer.step % _REPORT_EVERY == 0 or last:
                seconds = time.monotonic() - started
                report(f"step {trainer.step}/{trainer.steps} loss {loss:.3f} after {seconds:.0f} s")
            if trainer.step % trainer.checkpoint_every == 0 and not last:
                _save(trainer.state(), checkpoint)
    trainer.export(out)
    _write_about(out, {**about, "complete": True})
    checkpoint.unlink(missing_ok=True)
    return True


def follow(trainer: Trainable, out: Path) -> None:
    """The part of a process beside the one in `run`: the same steps, and nothing written."""
    about, checkpoint = out / ABOUT, out / _CHECKPOINT
    if checkpoint.exists():
        trainer.restore(load_state(checkpoint))
    elif about.exists() and read_about(about).get("complete"):
        return
    while trainer.step < trainer.steps:
        trainer.train_step()
        if trainer.step % trainer.log_every == 0 or trainer.step == trainer.steps:
            trainer.measures()


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's loss curve; ArtifactError where there is none."""
    path = folder / CURVE
    try:
        return [orjson.loads(line) for line in path.read_bytes().splitlines()]
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: no JSON: {error}") from None


def load_state(path: Path) -> dict[str, Any]:
    """A checkpoint that `run` saved."""
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises several kinds for a file that is none of its own
        raise ArtifactError(f"{path}: is no checkpoint ({error}); remove it to begin again") from None
    return state


def _claim(trainer: Trainable, out: Path) -> dict[str, Any]:
    """What training.json says, written first if the folder has none; UsageError if it is another run's."""
    path, own = out / ABOUT, trainer.about
    if path.exists():
        known = read_about(path)
        if known.get("hash") == content_hash(own):
            return known
        if _begun(out, known):
            raise UsageError(f"{out}: holds another run (see {path}); train into another folder")
    about = {"hash": content_hash(own), "torch": torch.__version__.partition("+")[0], **own}
    _write_about(out, about)
    return about


def _begun(out: Path, about: dict[str, Any]) -> bool:
    """Whether a step of the run there was ever done: one that was refused at once holds no folder."""
    curve = out / CURVE
    return (
        bool(about.get("complete"))
        or (out / _CHECKPOINT).exists()
        or (curve.exists() and curve.stat().st_size > 0)
    )


def read_about(path: Path) -> dict[str, Any]:
    """What training.json says of the run in its folder; ArtifactError if it cannot be read."""
    try:
        about = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: no JSON: {error}; train into another folder") from None
    return about if isinstance(about, dict) else {}


def _write_about(out: Path, about: dict[str, Any]) -> None:
    atomic_text(out / ABOUT, orjson.dumps(about, option=orjson.OPT_INDENT_2).decode() + "\n")


def _cut(curve: Path, step: int) -> None:
    """Keep the whole lines of the curve up to `step`."""
    if not curve.exists():
        return
    kept = []
    for number, line in enumerate(curve.read_bytes().splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            break
        try:
            if orjson.loads(line)["step"] > step:
                break
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise ArtifactError(f"{curve}:{number}: is no line of a loss curve ({error})") from None
        kept.append(line)
    atomic_text(curve, b"".join(kept).decode())


def _save(state: dict[str, Any], path: Path) -> None:
    """Whole or not at all, also if the machine stops."""
    whole = io.BytesIO()  # torch hides from its caller why a file could not be written
    torch.save(state, whole)
    with atomic_file(path) as file:
        file.write(whole.getbuffer())
