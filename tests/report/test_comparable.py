import pytest

from pbench.errors import ArtifactError, UsageError
from pbench.report.build import build_report, load_comparable, load_mixed
from pbench.report.comparable import differences, refuse
from pbench.report.files import read_score_files
from tests.report.conftest import LISTS
from tests.report.made import Run, write_scores, zeros_and_ones

PAIRS = {
    "grammar checker": (
        {"checker": ("harper", "1")},
        {"checker": ("languagetool", "6")},
        "harper 1",
        "languagetool 6",
    ),
    "BERTScore model": ({"bertscore": "large"}, {"bertscore": "small"}, "large 1", "small 1"),
    "data of lists/copy": ({"data_hash": "a" * 64}, {"data_hash": "b" * 64}, "aaaaaaaaaaaa", "bbbbbbbbbbbb"),
    "version of metric list_match": ({"metric_version": "1"}, {"metric_version": "2"}, "1", "2"),
}


def two_files(folder, first, second):
    tasks = {"lists/copy": zeros_and_ones(5, 10)}
    write_scores(folder / "a.parquet", Run().with_(**first), tasks)
    write_scores(folder / "b.parquet", Run(options=(("k", 8),)).with_(**second), tasks)


@pytest.mark.parametrize("what", PAIRS)
def test_unlike_results_are_refused_with_the_difference(tmp_path, what):
    first, second, one, other = PAIRS[what]
    two_files(tmp_path, first, second)
    with pytest.raises(UsageError) as refused:
        load_comparable([tmp_path])
    message = str(refused.value)
    assert f"{what}: {one} in {tmp_path / 'a.parquet'}; {other} in {tmp_path / 'b.parquet'}" in message
    assert "--force" in message
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("what", PAIRS)
def test_force_puts_them_in_one_table_but_never_in_one_mean(tmp_path, what):
    first, second, one, other = PAIRS[what]
    tasks = {"lists/copy": zeros_and_ones(5, 10)}
    for name, changes in (("a", first), ("b", second)):
        write_scores(tmp_path / f"{name}.parquet", Run().with_(**changes), tasks)
    files, notes = load_mixed([tmp_path])
    report = build_report(files, LISTS, "default", notes)
    assert [series.settings for series in report.series] == [f"{what}={one}", f"{what}={other}"]
    assert any(what in note for note in report.notes)


def test_no_checker_goes_with_any(tmp_path):
    two_files(tmp_path, {"checker": None}, {"checker": ("harper", "1")})
    files, _ = load_comparable([tmp_path])
    assert differences(files) == []
    assert load_mixed([tmp_path]) == (files, [])


def test_many_differences_are_counted(tmp_path):
    two_files(tmp_path, {}, {"data_hash": "b" * 64, "metric_version": "7", "checker": ("harper", "1")})
    tasks = {f"lists/{name}": zeros_and_ones(1, 2) for name in ("copy", "c", "d", "e")}
    write_scores(tmp_path / "c.parquet", Run(checker=("harper", "2")), tasks)
    write_scores(tmp_path / "d.parquet", Run(data_hash="d" * 64), tasks)
    with pytest.raises(UsageError, match=r"\| 3 more"):
        refuse(differences(list(read_score_files(sorted(tmp_path.iterdir())))))


def test_a_manifest_that_lacks_the_run_is_an_artifact_error(tmp_path):
    from pbench.artifacts import write_artifact

    path = write_artifact(tmp_path / "x.parquet", "scores", [], {"status": "complete"})
    with pytest.raises(ArtifactError, match=r"x\.parquet.*run"):
        list(read_score_files([path]))
