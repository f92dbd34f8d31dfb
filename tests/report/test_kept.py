"""What is kept of score files gives the same report; what was changed is read again."""

import numpy as np
import pytest

from pbench.errors import ArtifactError
from pbench.report import kept, reader
from pbench.report.build import build_report, load_comparable
from pbench.report.kept import kept_path, load
from pbench.report.payload import payload_text
from tests.report.conftest import LISTS
from tests.report.made import Answer, Run, write_scores, zeros_and_ones


@pytest.fixture(autouse=True)
def keeping(monkeypatch):
    """However few files there are."""
    monkeypatch.setattr(reader, "_FILES_WORTH_KEEPING", 1)


@pytest.fixture
def folder(tmp_path):
    """Four files; tasks in another order in each, values and numbers missing."""
    for k in (1, 2, 4):
        tasks = {
            "lists/shuffle": [Answer(0.3, seconds=None), Answer(None)],
            "lists/copy": zeros_and_ones(k, 9),
        }
        tasks = dict(reversed(tasks.items())) if k == 2 else tasks
        write_scores(tmp_path / f"k{k}.parquet", Run(options=(("k", k),)), tasks)
    write_scores(tmp_path / "more.jsonl", Run(options=(("k", 8),)), {"lists/copy": zeros_and_ones(1, 3)})
    return tmp_path


@pytest.fixture
def read(monkeypatch):
    """Names of the files that were read from the disk."""
    names = []

    def counting(path, *others):
        names.append(path.name)
        return scan(path, *others)

    scan = reader.scan
    monkeypatch.setattr(reader, "scan", counting)
    return names


def report(folder):
    files, notes = load_comparable([folder])
    return payload_text(build_report(files, LISTS, "default", notes))


def test_the_second_report_is_the_first_without_reading(folder, read):
    first = report(folder)
    assert sorted(read) == ["k1.parquet", "k2.parquet", "k4.parquet", "more.jsonl"]
    read.clear()
    before = kept_path(folder).read_bytes()
    assert report(folder) == first
    assert read == ["more.jsonl"]  # it has no seal
    assert kept_path(folder).read_bytes() == before
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [".pbench-cache"]


def test_added_files_are_read_and_kept_too(folder, read):
    report(folder)
    read.clear()
    run = Run(options=(("k", 16),))
    write_scores(folder / "a-first.parquet", run, {"x/new": zeros_and_ones(1, 2)})
    second = report(folder)
    assert read == ["a-first.parquet", "more.jsonl"]
    read.clear()
    assert report(folder) == second
    assert read == ["more.jsonl"]
    kept_path(folder).unlink()
    assert report(folder) == second


def test_a_changed_file_is_read_again(folder, read):
    first = report(folder)
    write_scores(folder / "k2.parquet", Run(options=(("k", 2),)), {"lists/copy": zeros_and_ones(9, 9)})
    read.clear()
    assert report(folder) != first
    assert "k2.parquet" in read
    (folder / "k4.parquet").rename(folder / "renamed.parquet")
    read.clear()
    assert report(folder).count("renamed.parquet") == 1
    assert read == ["more.jsonl"]


def test_a_file_that_was_damaged_since_is_refused(folder):
    report(folder)
    path = folder / "k2.parquet"
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ArtifactError, match=r"k2\.parquet"):
            report(folder)
    path.write_bytes(whole)
    assert "k2.parquet" in report(folder)


def test_what_is_kept_and_damaged_is_done_without(folder, read, monkeypatch):
    first = report(folder)
    whole = kept_path(folder).read_bytes()
    for damaged in (b"", whole[:-1], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]):
        kept_path(folder).write_bytes(damaged)
        assert load(kept_path(folder)) == {}
        read.clear()
        assert report(folder) == first
        assert len(read) == 4
        assert kept_path(folder).read_bytes() == whole
    monkeypatch.setattr(kept, "_FORM", "another")
    assert load(kept_path(folder)) == {}


def test_a_folder_that_takes_no_files_is_reported_all_the_same(folder, monkeypatch):
    first = report(folder)
    kept_path(folder).unlink()

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(kept, "atomic_file", refuse)
    assert report(folder) == first
    assert not kept_path(folder).exists()


def test_what_is_kept_is_what_was_read(folder):
    found = {one.seal: one for one in reader.read_many(sorted(folder.glob("*.parquet")), folder)}
    entries = load(kept_path(folder))
    assert set(entries) == set(found)
    for seal, entry in entries.items():
        assert entry.manifest == found[seal].manifest
        for name in ("index", "error", "value", "combined", "nfe", "gen_length", "content_length", "seconds"):
            np.testing.assert_array_equal(getattr(entry.sheet, name), getattr(found[seal].sheet, name))
        names = [[one.tasks[code] for code in one.task] for one in (entry.sheet, found[seal].sheet)]
        assert names[0] == names[1]


def test_of_few_files_nothing_is_kept(folder, monkeypatch):
    monkeypatch.setattr(reader, "_FILES_WORTH_KEEPING", 800)
    report(folder)
    assert not kept_path(folder).exists()


def test_nothing_is_kept_of_named_files_or_of_two_folders(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write_scores(other / "k32.parquet", Run(options=(("k", 32),)), {"lists/copy": zeros_and_ones(1, 3)})
    load_comparable(sorted(folder.glob("*.parquet")))
    load_comparable([folder, other])
    assert not kept_path(folder).exists()
    assert not kept_path(other).exists()
