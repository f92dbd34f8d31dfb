from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pbench.artifacts import run_lock
from pbench.errors import LockedError
from tests.artifacts.conftest import python

HOLD = """
import sys
from pathlib import Path
from pbench.artifacts import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

# A read and a write with nothing but the lock between them and those of the others.
COUNT = """
import sys, time
from pathlib import Path
from pbench.artifacts import run_lock
from pbench.errors import LockedError
path, done = Path(sys.argv[1]), 0
while done < 40:
    try:
        with run_lock(path):
            number = int(path.read_text())
            time.sleep(0.0005)
            path.write_text(str(number + 1))
            done += 1
    except LockedError:
        time.sleep(0.0002)
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen]:
    process = python(HOLD, path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_second_process_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    with holder(path) as process:
        with pytest.raises(LockedError, match=rf"run\.parquet: process {process.pid} works on this run"):
            run_lock(path).__enter__()
        assert (tmp_path / "run.parquet.lock").exists()
    with run_lock(path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_killed_owners_lock_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    with holder(path) as process:
        process.kill()
        process.wait()
        assert (tmp_path / "run.parquet.lock").exists()
        with run_lock(path):
            pass
    assert os.listdir(tmp_path) == []


def test_another_run_is_not_locked(tmp_path: Path) -> None:
    with run_lock(tmp_path / "a.parquet"), run_lock(tmp_path / "b.parquet"):
        assert sorted(os.listdir(tmp_path)) == ["a.parquet.lock", "b.parquet.lock"]


def test_a_link_to_the_run_is_the_same_run(tmp_path: Path) -> None:
    (tmp_path / "link.parquet").symlink_to(tmp_path / "run.parquet")
    with run_lock(tmp_path / "run.parquet"), pytest.raises(LockedError, match=f"process {os.getpid()} works"):
        run_lock(tmp_path / "link.parquet").__enter__()


def test_a_failure_under_the_lock_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "run.parquet"
    with pytest.raises(KeyboardInterrupt), run_lock(path):
        raise KeyboardInterrupt
    with run_lock(path):
        pass
    assert os.listdir(tmp_path) == []  # nor is an empty folder left


@pytest.mark.parametrize("content", ["", "no pid", "-5"])
def test_an_unknown_holder_is_another_process(content: str, tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    with run_lock(path):
        (tmp_path / "run.parquet.lock").write_text(content)
        with pytest.raises(LockedError, match="another process works on this run"):
            run_lock(path).__enter__()


def test_a_lock_on_a_removed_file_is_no_lock(tmp_path: Path, monkeypatch) -> None:
    """The owner removes its lock file between our opening of it and our locking."""
    from filelock import FileLock

    path, real, stolen = tmp_path / "run.parquet", FileLock.acquire, []

    def acquire(self: FileLock):
        token = real(self)
        if not stolen:
            stolen.append(self)
            os.unlink(tmp_path / "run.parquet.lock")
        return token

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with run_lock(path), pytest.raises(LockedError):
        run_lock(path).__enter__()
    assert stolen
    assert os.listdir(tmp_path) == []


def test_many_processes_count_without_losing_one(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_text("0")
    processes = [python(COUNT, path) for _ in range(3)]
    assert [process.wait(timeout=300) for process in processes] == [0, 0, 0]
    assert path.read_text() == "120"
    assert os.listdir(tmp_path) == ["number"]
