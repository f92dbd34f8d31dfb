from __future__ import annotations

import os
import signal
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbench.artifacts import Journal
from pbench.errors import ArtifactError
from tests.artifacts.conftest import make_generation, python
from tests.artifacts.strategies import generations

MANIFEST = {"config_id": "abc", "identity": {"seed": 1, "text": "é\n"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal.jsonl"


def write(path: Path, rows: list) -> None:
    with Journal.create(path, MANIFEST) as journal:
        journal.append(rows)


def replay(path: Path) -> tuple[list, str | None]:
    found = Journal.open(path)
    found.journal.close()
    assert found.manifest == MANIFEST
    return found.rows, found.warning


def test_rows_come_back_in_order_and_new_ones_follow(path: Path) -> None:
    rows = [make_generation(index) for index in range(4)]
    write(path, rows[:2])
    found = Journal.open(path)
    with found.journal as journal:
        journal.append(rows[2:3])
        journal.append([])
        journal.append(rows[3:])
    assert found.rows == rows[:2]
    assert replay(path) == (rows, None)


@settings(max_examples=25)
@given(rows=st.lists(generations(), max_size=3, unique_by=lambda row: row.sample.sample_id))
def test_any_row_survives(rows: list, path: Path) -> None:
    path.unlink(missing_ok=True)
    write(path, rows)
    assert replay(path) == (rows, None)


def test_a_last_line_cut_anywhere_is_dropped_with_a_warning(path: Path) -> None:
    rows = [make_generation(index, "🙂 ok") for index in range(3)]
    write(path, rows)
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for length in range(start + 1, len(whole)):
        path.write_bytes(whole[:length])
        found = Journal.open(path)
        assert (found.rows, found.manifest) == (rows[:2], MANIFEST)
        assert found.warning is not None
        assert "run.journal.jsonl:4: dropped a torn last line" in found.warning
        found.journal.append(rows[2:])
        found.journal.close()
        assert path.read_bytes() == whole


def test_cut_between_lines_nothing_is_torn(path: Path) -> None:
    rows = [make_generation(index) for index in range(2)]
    write(path, rows)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    assert replay(path) == (rows[:1], None)


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"garbage\n", b"{}\n", b"\n", b"\r\r\r"])
def test_a_tail_of_rubbish_is_dropped(tail: bytes, path: Path) -> None:
    write(path, [make_generation(0)])
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    rows, warning = replay(path)
    assert rows == [make_generation(0)]
    assert warning is not None
    assert path.read_bytes() == whole


def test_a_broken_line_in_the_middle_is_corruption(path: Path) -> None:
    write(path, [make_generation(index) for index in range(3)])
    whole = path.read_bytes()
    second = whole.index(b"\n") + 1
    end = whole.index(b"\n", second)
    for offset in range(second, end):
        damaged = bytearray(whole)
        damaged[offset] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"run\.journal\.jsonl:[23]: a broken line in the middle"):
            Journal.open(path)
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("line", [b'{"crc32":"%08x","row":{}}\n' % zlib.crc32(b"{}"), b"\n"])
def test_a_line_that_is_no_row_is_corruption_too(line: bytes, path: Path) -> None:
    write(path, [make_generation(0)])
    header, row = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + line + row)
    with pytest.raises(ArtifactError, match=":2: a broken line"):
        Journal.open(path)


def test_every_flip_in_the_header_is_seen(path: Path) -> None:
    write(path, [make_generation(0)])
    whole = path.read_bytes()
    for offset in range(whole.index(b"\n") + 1):
        damaged = bytearray(whole)
        damaged[offset] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match=r"header|newer"):
            Journal.open(path)


def test_a_newer_journal_asks_for_an_update(path: Path) -> None:
    write(path, [])
    path.write_bytes(path.read_bytes().replace(b'"pbench_journal":1', b'"pbench_journal":2'))
    with pytest.raises(ArtifactError, match="written by a newer pbench"):
        Journal.open(path)


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"pbench_journal":1'])
def test_what_is_no_journal_is_an_error(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=":1: not the header of a journal"):
        Journal.open(path)


def test_missing_journals_and_folders_are_errors(path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read: No such file"):
        Journal.open(path)
    with pytest.raises(ArtifactError, match="cannot be read: Is a directory"):
        Journal.open(path.parent)


@pytest.mark.parametrize(
    ("statuses", "kept"),
    [
        (("error", "ok"), 1),
        (("ok", "error"), 0),
        (("error", "error"), 1),
        (("ok", "empty"), 1),
        (("ok", "error", "error"), 0),
    ],
)
def test_of_two_rows_of_a_sample_the_later_counts_but_no_error_replaces_an_answer(
    statuses: tuple[str, ...], kept: int, path: Path
) -> None:
    rows = [make_generation(0, f"attempt {n}", status=status) for n, status in enumerate(statuses)]
    write(path, [*rows[:1], make_generation(1), *rows[1:]])
    assert replay(path) == ([rows[kept], make_generation(1)], None)


def test_create_keeps_an_older_journal(path: Path) -> None:
    write(path, [make_generation(0)])
    with pytest.raises(FileExistsError, match="there is a journal already"):
        Journal.create(path, {})
    assert replay(path)[0] == [make_generation(0)]


def test_a_full_disk_leaves_the_rows_that_were_there(path: Path, full_disk) -> None:
    write(path, [make_generation(0)])
    whole = path.read_bytes()
    with Journal.open(path).journal as journal:
        with full_disk(len(whole) + 50), pytest.raises(OSError, match="File too large"):
            journal.append([make_generation(1), make_generation(2)])
        assert path.read_bytes() == whole
        journal.append([make_generation(1)])
    assert replay(path) == ([make_generation(0), make_generation(1)], None)


def test_an_interrupt_leaves_the_rows_that_were_there(path: Path, monkeypatch) -> None:
    write(path, [make_generation(0)])
    with Journal.open(path).journal as journal:

        def interrupt(_handle: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("pbench.artifacts.journal.os.fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.append([make_generation(1)])
    monkeypatch.undo()
    assert replay(path) == ([make_generation(0)], None)


def test_appended_rows_are_synced_before_append_returns(path: Path, monkeypatch) -> None:
    synced: list[int] = []
    with Journal.create(path, MANIFEST) as journal:
        monkeypatch.setattr(
            "pbench.artifacts.journal.os.fsync", lambda _handle: synced.append(path.stat().st_size)
        )
        journal.append([make_generation(0)])
    assert synced == [path.stat().st_size]


def test_reported_rows_survive_kill_9(path: Path) -> None:
    program = f"""
from pathlib import Path
from pbench.artifacts import Journal
from tests.artifacts.conftest import make_generation, python
journal = Journal.create(Path({str(path)!r}), {MANIFEST!r})
for index in range(100000):
    journal.append([make_generation(index)])
    print(index, flush=True)
"""
    process = python(program, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process, process.stdout as lines:
        reported = [int(next(lines)) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        reported += map(int, lines)
    rows, _warning = replay(path)
    assert [row.sample.index for row in rows][: len(reported)] == reported


def test_remove_leaves_nothing(path: Path) -> None:
    journal = Journal.create(path, MANIFEST)
    journal.remove()
    assert os.listdir(path.parent) == []
