import os
from pathlib import Path

import pytest

from pbench.artifacts import parquet, sheet_block, write_artifact
from pbench.errors import ArtifactError
from pbench.records import Generation, Sample
from pbench.report.build import build_report, load_comparable
from pbench.report.find import find_scores
from pbench.report.write import render
from tests.report.conftest import LISTS
from tests.report.made import Answer, Run, write_scores, zeros_and_ones

SAMPLE = Sample(
    sample_id="lists/copy/0",
    task="lists/copy",
    category="lists",
    index=0,
    messages=({"role": "user", "content": "?"},),
    answer="x",
    gen_length=32,
    metric="list_match",
    headline="score",
)
TASKS = {"lists/copy": zeros_and_ones(1, 2)}


def write_generations(path):
    return write_artifact(
        path, "generations", [Generation(sample=SAMPLE, status="ok", output_text="", gen_length=32)], {}
    )


def write_samples(path):
    return write_artifact(path, "samples", [SAMPLE], {})


def test_folders_are_searched_and_other_artifacts_skipped(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    scores = [
        write_scores(deep / "x.scores.parquet", Run(), TASKS),
        write_scores(tmp_path / "y.scores.jsonl", Run(), TASKS),
    ]
    write_samples(tmp_path / "samples.parquet")
    (tmp_path / "notes.jsonl").write_text("{}\n")
    (tmp_path / "readme.md").write_text("no artifact")
    found = find_scores([tmp_path])
    assert sorted(file.path for file in found.files) == sorted(scores)
    assert found.notes == ()


def test_a_file_named_twice_counts_once(tmp_path):
    path = write_scores(tmp_path / "x.scores.parquet", Run(), TASKS)
    assert [file.path for file in find_scores([path, tmp_path, path]).files] == [path]


def test_a_symbolic_link_is_the_file_that_it_leads_to(tmp_path):
    path = write_scores(tmp_path / "real" / "x.scores.parquet", Run(), TASKS)
    (tmp_path / "folder").symlink_to(path.parent)
    (tmp_path / "real" / "y.scores.parquet").symlink_to(path)
    links = [tmp_path / "folder", tmp_path / "folder" / path.name, tmp_path / "real" / "y.scores.parquet"]
    assert [file.path for file in find_scores([path, *links]).files] == [path]


def test_named_files_and_folders_keep_their_order(tmp_path):
    paths = [write_scores(tmp_path / f"{name}.scores.parquet", Run(), TASKS) for name in ("b/x", "a", "c")]
    inputs = [paths[2], paths[0].parent, paths[1]]
    assert [file.path for file in find_scores(inputs).files] == [paths[2], paths[0], paths[1]]


def test_unscored_generations_beside_scores_are_named_with_the_command(tmp_path):
    write_generations(tmp_path / "x.parquet")
    write_scores(tmp_path / "x.scores.parquet", Run(), TASKS)
    other = write_generations(tmp_path / "other.parquet")
    assert find_scores([tmp_path]).notes == (f"{other} is not scored: pbench score {other}",)


def test_a_journal_means_that_a_run_is_unfinished(tmp_path):
    write_scores(tmp_path / "x.scores.parquet", Run(), TASKS)
    journal = tmp_path / "z.journal.jsonl"
    journal.write_text("{}\n")
    (note,) = find_scores([tmp_path]).notes
    assert str(journal) in note
    assert "resumes" in note


def test_missing_path(tmp_path):
    with pytest.raises(ArtifactError, match=r"no such file or folder.*pbench decode"):
        find_scores([tmp_path / "runs"])


def test_empty_folder_says_what_to_run(tmp_path):
    with pytest.raises(ArtifactError, match=r"no score files; make some: pbench decode, then pbench score"):
        find_scores([tmp_path])


def test_folder_of_unscored_runs_says_what_to_run(tmp_path):
    write_generations(tmp_path / "a" / "x.parquet")
    with pytest.raises(ArtifactError, match=r": 1 run, none scored; make scores: pbench score "):
        find_scores([tmp_path])
    write_generations(tmp_path / "b" / "x.parquet")
    folders = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(ArtifactError, match=rf": 2 runs, .* pbench score {folders[0]} {folders[1]}$"):
        find_scores(folders)


def test_unscored_file_says_what_to_run(tmp_path):
    path = write_generations(tmp_path / "a.parquet")
    with pytest.raises(ArtifactError, match=rf"pbench score {path}"):
        find_scores([path])


def test_generations_beside_their_scores_name_those(tmp_path):
    path = write_generations(tmp_path / "a.parquet")
    scores = write_scores(tmp_path / "a.scores.parquet", Run(), TASKS)
    with pytest.raises(ArtifactError, match=rf"their scores are in {scores}"):
        find_scores([path])


def test_samples_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="samples of a task"):
        find_scores([write_samples(tmp_path / "s.parquet")])
    foreign = tmp_path / "f.txt"
    foreign.write_text("hello")
    with pytest.raises(ArtifactError, match=r"f\.txt"):
        find_scores([foreign])


@pytest.mark.parametrize("how", ["named", "in a folder"])
def test_corrupt_file_is_named(tmp_path, how):
    path = write_scores(tmp_path / "x.scores.parquet", Run(), TASKS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ArtifactError, match=r"x\.scores\.parquet"):
        find_scores([path if how == "named" else tmp_path])


def test_each_file_is_opened_once(tmp_path, monkeypatch):
    paths = [write_scores(tmp_path / f"{i}.scores.parquet", Run(), TASKS) for i in range(3)]
    write_generations(tmp_path / "g.parquet")
    opened = []

    def counting(path, *mode, **buffering):
        opened.append(path)
        return open(path, *mode, **buffering)

    monkeypatch.setattr("pbench.artifacts.parquet.open", counting, raising=False)
    files, _ = load_comparable([tmp_path])
    build_report(files, LISTS, "default")
    assert sorted(opened) == sorted([*paths, tmp_path / "g.parquet"])


def test_an_order_that_does_not_depend_on_the_disk(tmp_path):
    for name in ("b/x", "a/z", "a/b/y", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_scores(tmp_path / f"{name}.scores.parquet", Run(), TASKS)
    found = [file.path.relative_to(tmp_path).as_posix() for file in find_scores([tmp_path]).files]
    assert found == [f"{name}.scores.parquet" for name in ("c", "a/z", "a/b/y", "b/x")]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    write_scores(tmp_path / "x.scores.parquet", Run(), TASKS)
    closed = tmp_path / "closed"
    closed.mkdir()
    look = os.scandir

    def refuse(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ArtifactError, match="closed: cannot be read: Permission denied"):
        find_scores([tmp_path])


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """Tasks in another order in each file, values missing; one without a block, one as JSONL, generations."""
    for k in (1, 2, 4, 8):
        shares = {"lists/shuffle": [Answer(0.3, seconds=None), Answer(None), Answer(0.5, status="error")]}
        tasks = shares | {"lists/copy": zeros_and_ones(k, 9)}
        tasks = dict(reversed(tasks.items())) if k == 2 else tasks
        with monkeypatch.context() as patch:
            if k == 4:
                patch.setattr(sheet_block, "to_bytes", lambda *_: b"")
            write_scores(tmp_path / f"k{k}.parquet", Run(options=(("k", k),)), tasks)
    write_scores(tmp_path / "more.jsonl", Run(options=(("k", 16),)), TASKS)
    write_generations(tmp_path / "unscored.parquet")
    return tmp_path


def test_blocks_and_pages_give_the_same_report(mixed, monkeypatch):
    def texts():
        files, notes = load_comparable([mixed])
        report = build_report(files, LISTS, "default", notes)
        return [render(report, form) for form in ("json", "table", "csv")]

    glances = []
    glance = parquet._glance
    monkeypatch.setattr(parquet, "_glance", lambda path: glances.append(glance(path)) or glances[-1])
    found = texts()
    assert [one is not None for one in glances] == [True, True, False, True, True]
    monkeypatch.setattr(parquet, "_glance", lambda path: None)
    assert texts() == found


def test_a_corrupt_file_among_many_is_named_at_its_turn(mixed):
    for name in ("k8.parquet", "k2.parquet"):
        data = (mixed / name).read_bytes()
        (mixed / name).write_bytes(data[:40] + b"?" + data[41:])
    with pytest.raises(ArtifactError, match=r"k2\.parquet: damaged"):
        find_scores([mixed])
