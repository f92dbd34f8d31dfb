from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from pbench.artifacts import atomic_text, file_hash, read_rows, run_lock, write_artifact
from pbench.errors import ArtifactError, UsageError
from tests.artifacts.conftest import make_sample, python

ENDINGS = ("parquet", "jsonl")
forms = pytest.mark.parametrize("ending", ENDINGS)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}


@forms
@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, SystemExit, GeneratorExit])
def test_a_failing_writer_leaves_what_was_there(failure, ending: str, tmp_path: Path) -> None:
    path = write_artifact(tmp_path / f"a.{ending}", "samples", [make_sample(0)], {})
    before = contents(tmp_path)

    def rows():
        yield from map(make_sample, range(300))
        raise failure

    with pytest.raises(failure):
        write_artifact(path, "samples", rows(), {})
    assert contents(tmp_path) == before


@forms
@pytest.mark.parametrize("limit_bytes", [0, 100, 5000])
def test_a_full_disk_leaves_what_was_there(limit_bytes: int, ending: str, tmp_path: Path, full_disk) -> None:
    path = write_artifact(tmp_path / f"a.{ending}", "samples", [make_sample(0)], {})
    before = contents(tmp_path)
    with full_disk(limit_bytes), pytest.raises(OSError, match=rf"File too large: .*a\.{ending}") as caught:
        write_artifact(path, "samples", map(make_sample, range(2000)), {})
    assert caught.value.filename == str(path)
    assert contents(tmp_path) == before


def test_a_full_disk_leaves_the_older_text(tmp_path: Path, full_disk) -> None:
    atomic_text(tmp_path / "a.md", "old")
    with full_disk(10), pytest.raises(OSError, match="File too large"):
        atomic_text(tmp_path / "a.md", "new" * 100)
    assert contents(tmp_path) == {"a.md": b"old"}


@forms
def test_a_killed_writer_leaves_what_was_there_and_the_next_lock_clears_up(
    ending: str, tmp_path: Path
) -> None:
    path = write_artifact(tmp_path / f"a.{ending}", "samples", [make_sample(0)], {})
    before = contents(tmp_path)
    other = write_artifact(tmp_path / f"b.{ending}", "samples", [make_sample(0)], {})
    program = f"""
import os, signal
from pathlib import Path
from pbench.artifacts import write_artifact
from tests.artifacts.conftest import make_sample, python
def rows():
    yield from map(make_sample, range(300))
    os.kill(os.getpid(), signal.SIGKILL)
write_artifact(Path({str(path)!r}), "samples", rows(), {{}})
"""
    assert python(program).wait() == -9
    assert [sample.index for sample in read_rows(path, "samples")] == [0]
    leftovers = [name for name in os.listdir(tmp_path) if "-tmp-" in name]
    assert leftovers
    with run_lock(other):
        assert set(leftovers) < set(os.listdir(tmp_path))  # those of another run are not touched
    with run_lock(path):
        pass
    assert contents(tmp_path) == before | contents_of(other)


def contents_of(path: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(path.parent).items() if name.startswith(path.name)}


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_we_go_on(tmp_path, monkeypatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noting_fsync(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        calls.append("folder" if folder else f"file of {os.fstat(handle).st_size} bytes")
        fsync(handle)

    def noting_replace(source: Path, target: Path) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    atomic_text(tmp_path / "a.txt", "12345")
    assert calls == ["file of 5 bytes", "replace", "folder"]


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    atomic_text(tmp_path / "a" / "b" / "c.txt", "x")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "x"


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "runs.parquet").mkdir()
    with pytest.raises(UsageError, match=r"runs\.parquet: is a folder"):
        write_artifact(tmp_path / "runs.parquet", "samples", [], {})


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "disk" / "real.txt")
    atomic_text(tmp_path / "link.txt", "x")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "disk" / "real.txt").read_text() == "x"


def test_files_have_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    atomic_text(tmp_path / "a.txt", "x")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "a.txt")]
    assert modes[0] == modes[1]


def test_errors_name_the_file_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists") as caught:
        atomic_text(tmp_path / "file" / "a.txt", "x")
    assert "tmp-" not in str(caught.value)
    with pytest.raises(OSError, match="File name too long") as caught:
        atomic_text(tmp_path / ("x" * 300), "x")
    assert "tmp-" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


def test_atomic_text_writes_utf8_and_makes_surrogates_visible(tmp_path: Path) -> None:
    atomic_text(tmp_path / "a.txt", "ß\0\ud800\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "ß\0\ufffd\r\n".encode()


def test_file_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(ArtifactError, match="missing: cannot be read: No such file"):
        file_hash(tmp_path / "missing")
    with pytest.raises(ArtifactError, match="Is a directory"):
        file_hash(tmp_path)
