"""A run's folder: who may train into it, and what is damaged in it."""

from __future__ import annotations

import errno
import io
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from pbench.artifacts import atomic_file, run_lock
from pbench.errors import ArtifactError, LockedError, UsageError
from pbench.train import loop, weights
from tests.forks import finish


class Counter:
    """Trains a number: each step adds one; its refusal comes before the first step."""

    log_every, checkpoint_every = 1, 2

    def __init__(self, steps: int = 5, refusal: str = ""):
        self.steps, self.refusal, self.step = steps, refusal, 0

    @property
    def about(self) -> dict[str, Any]:
        return {"kind": "counter", "steps": self.steps}

    def train_step(self) -> float:
        if self.refusal:
            raise UsageError(self.refusal)
        self.step += 1
        return 1.0 / self.step

    def measures(self) -> dict[str, Any]:
        return {}

    def state(self) -> dict[str, Any]:
        return {"step": self.step}

    def restore(self, state: dict[str, Any]) -> None:
        self.step = state["step"]

    def export(self, folder: Path) -> None:
        (folder / "made").write_text(str(self.step))


def silent(_: str) -> None:
    pass


def test_two_cannot_train_into_one_folder(tmp_path):
    with run_lock(tmp_path / loop.CURVE), pytest.raises(LockedError):
        loop.run(Counter(), tmp_path, silent)
    assert loop.run(Counter(), tmp_path, silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "training.json", "training.jsonl"]


def test_a_run_that_was_refused_at_once_holds_no_folder(tmp_path):
    with pytest.raises(UsageError, match="too long"):
        loop.run(Counter(3, "too long"), tmp_path, silent)
    assert loop.run(Counter(4), tmp_path, silent)
    with pytest.raises(UsageError, match="holds another run"):
        loop.run(Counter(3), tmp_path, silent)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff"])
def test_a_damaged_description_is_an_error(text, tmp_path):
    (tmp_path / loop.ABOUT).write_bytes(text)
    with pytest.raises(ArtifactError, match=r"training\.json: no JSON"):
        loop.run(Counter(), tmp_path, silent)


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b'{"loss": 1}\n'])
def test_a_damaged_line_of_the_curve_is_an_error_with_its_number(line, tmp_path):
    curve = tmp_path / loop.CURVE
    curve.write_bytes(b'{"step":0,"loss":1}\n' + line + b'{"step":0,"loss":1}\n')
    with pytest.raises(ArtifactError, match=r"training\.jsonl:2: is no line"):
        loop.run(Counter(), tmp_path, silent)


class Full(io.BytesIO):
    def write(self, _: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    """torch's own writer says RuntimeError, and a failed one leaves half a file."""
    trainer, kept = Counter(), []

    def measures(self: Counter) -> dict[str, Any]:
        if self.step == 4:
            kept.append((tmp_path / "checkpoint.pt").read_bytes())
            monkeypatch.setattr(loop, "atomic_file", full)
        return {}

    @contextmanager
    def full(path: Path):
        yield Full()

    monkeypatch.setattr(Counter, "measures", measures)
    with pytest.raises(OSError, match="No space left"):
        loop.run(trainer, tmp_path, silent)
    assert [(tmp_path / "checkpoint.pt").read_bytes()] == kept
    monkeypatch.undo()
    notes: list[str] = []
    assert loop.run(Counter(), tmp_path, notes.append)
    assert "going on from step 2" in notes[0]
    assert [line["step"] for line in loop.read_curve(tmp_path)] == [1, 2, 3, 4, 5]


def _killed_while_saving(folder: str) -> None:
    """The second checkpoint is half written when the process is killed."""
    whole = loop.atomic_file
    saves = iter([whole, _half])
    loop.atomic_file = lambda path: next(saves)(path)  # type: ignore[attr-defined]
    loop.run(Counter(), Path(folder), silent)


@contextmanager
def _half(path: Path) -> Iterator[io.BytesIO]:
    buffer = io.BytesIO()
    yield buffer
    with atomic_file(path) as file:
        file.write(buffer.getvalue()[: buffer.tell() // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path):
    assert finish(_killed_while_saving, str(tmp_path)) == -signal.SIGKILL
    assert len(loop.read_curve(tmp_path)) == 4
    notes: list[str] = []
    assert loop.run(Counter(), tmp_path, notes.append)
    assert "going on from step 2" in notes[0]
    assert [line["step"] for line in loop.read_curve(tmp_path)] == [1, 2, 3, 4, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "training.json", "training.jsonl"]


def test_weights_that_find_no_room_leave_those_before(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    weights.write_weights(path, {"a": torch.zeros(3)})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match=r"File too large"):
            weights.write_weights(path, {"a": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
