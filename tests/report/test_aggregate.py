"""Statistics of run points, recomputed here by a plain loop over the records."""

from statistics import mean

import numpy as np
import pytest
from scipy.stats import binomtest

from pbench.artifacts import read_rows
from pbench.report.build import build_report, load_comparable
from pbench.report.points import SuiteTasks
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores, zeros_and_ones

SUITE = SuiteTasks("s", ("lists/copy", "lists/sort", "text/a", "puzzle/x"))


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Three tasks in two categories, random values, some errors and unknowns, spread over files."""
    folder = tmp_path_factory.mktemp("noisy")
    stream = np.random.default_rng(3)
    for k in (1, 8):
        tasks = {}
        for task in SUITE.tasks[:3]:
            tasks[task] = [
                Answer(
                    float(stream.random() < 0.6),
                    nfe=int(stream.integers(1, 33)),
                    gen_length=64 if task == "text/a" else 32,
                    content_length=int(stream.integers(1, 32)),
                    seconds=float(stream.random()),
                    status="error" if stream.random() < 0.1 else "ok",
                    score=float(stream.random()) if task == "text/a" else None,
                )
                for _ in range(40)
            ]
        run = Run(options=(("k", k),))
        write_scores(folder / f"{k}-lists.parquet", run, {task: tasks[task] for task in SUITE.tasks[:2]})
        write_scores(
            folder / f"{k}-text.parquet", run.with_(headline="grammar_score"), {"text/a": tasks["text/a"]}
        )
    return folder


def recomputed(folder, k, task, headline):
    rows = [r for path in folder.glob(f"{k}-*") for r in read_rows(path, "scores") if r.task == task]
    fine = [r for r in rows if r.status != "error"]
    values = [r.values["score" if headline == "combined" else r.headline] for r in fine]
    return {
        "n": len(fine),
        "errors": len(rows) - len(fine),
        "score": mean(values),
        "nfe": mean(r.nfe for r in fine),
        "tokens_per_step": mean(r.gen_length / r.nfe for r in fine),
        "content_tokens_per_step": mean(r.content_length / r.nfe for r in fine),
        "seconds": mean(r.seconds for r in fine),
        "tokens_per_second": sum(r.gen_length for r in fine) / sum(r.seconds for r in fine),
    }


@pytest.mark.parametrize("headline", ["default", "combined"])
def test_every_number_recomputed(noisy, headline):
    files, _ = load_comparable([noisy])
    report = build_report(files, SUITE, headline)
    for point in report.points:
        expected = {
            task: recomputed(noisy, point.settings.params["k"], task, headline) for task in SUITE.tasks[:3]
        }
        assert list(point.tasks) == list(expected)
        for task, numbers in expected.items():
            assert {name: getattr(point.tasks[task], name) for name in numbers} == pytest.approx(numbers)
        for name in ("score", "nfe", "tokens_per_step", "content_tokens_per_step", "seconds"):
            lists = [expected[task][name] for task in ("lists/copy", "lists/sort")]
            assert getattr(point.categories["lists"], name) == pytest.approx(mean(lists))
            assert getattr(point.overall, name) == pytest.approx(mean([*lists, expected["text/a"][name]]))
        for name in ("n", "errors"):
            assert getattr(point.overall, name) == sum(numbers[name] for numbers in expected.values())


def test_intervals(noisy):
    for point in report_of(noisy, SUITE).points:
        stats = point.tasks["lists/copy"]
        wilson = binomtest(round(stats.n * stats.score), stats.n).proportion_ci(method="wilson")
        assert stats.ci95 == pytest.approx((wilson.low, wilson.high))
        low, high = point.overall.ci95
        assert low < point.overall.score < high
        widest = max(one.ci95[1] - one.ci95[0] for one in point.tasks.values())
        assert high - low < widest  # three tasks know more than one
        assert point.categories["text"] == point.tasks["text/a"]


def test_numbers_do_not_depend_on_what_else_is_reported(noisy, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in noisy.glob("8-*"):
        (alone / path.name).write_bytes(path.read_bytes())
    (point,) = report_of(alone, SUITE).points
    (same,) = [one for one in report_of(noisy, SUITE).points if one.settings.params["k"] == 8]
    assert point.overall == same.overall


def test_errors_and_missing_values_are_no_zeros(tmp_path):
    answers = [Answer(1.0), Answer(1.0), Answer(None, nfe=None, status="error"), Answer(None)]
    write_scores(
        tmp_path / "a.parquet",
        Run(),
        {"lists/copy": answers, "lists/shuffle": [*zeros_and_ones(2, 4), Answer(None), Answer(None)]},
    )
    (point,) = report_of(tmp_path).points
    stats = point.tasks["lists/copy"]
    assert (stats.n, stats.errors, stats.missing, stats.score) == (2, 1, 1, 1.0)
    assert (point.overall.n, point.overall.errors, point.overall.missing) == (6, 1, 3)
    assert not point.complete
    assert point.problems == (
        "lists/copy: 1 of 4 samples failed",
        "lists/copy: 1 of 4 samples have no value of the headline metric",
        "lists/shuffle: 2 of 6 samples have no value of the headline metric",
    )


def test_an_answer_that_took_no_forward_pass_has_no_speed(tmp_path):
    tasks = {"lists/copy": [Answer(1.0, nfe=0), Answer(1.0, nfe=8)], "lists/shuffle": [Answer(1.0, nfe=0)]}
    write_scores(tmp_path / "a.parquet", Run(), tasks)
    (point,) = report_of(tmp_path).points
    assert [(one.nfe, one.tokens_per_step) for one in point.tasks.values()] == [(4.0, 4.0), (0.0, None)]
    assert point.overall.tokens_per_step is None


def test_tasks_outside_the_suite_stand_behind_it_by_name(tmp_path):
    tasks = {task: zeros_and_ones(1, 2) for task in ("z/c", "z/b", *reversed(LISTS.tasks), "z/a")}
    write_scores(tmp_path / "a.parquet", Run(), tasks)
    assert list(report_of(tmp_path).tasks) == [*LISTS.tasks, "z/a", "z/b", "z/c"]


def test_a_point_with_none_of_the_averaged_tasks_has_no_mean(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    write_scores(tmp_path / "b.parquet", Run(model="other"), {"x/y": zeros_and_ones(1, 2)})
    report = report_of(tmp_path)
    (point,) = [point for point in report.points if point.settings.model == "other"]
    assert (point.overall, point.categories, len(point.resamples)) == (None, {}, 0)
    assert report.frontier["other"] == ()


def test_a_task_without_any_value_leaves_the_mean_open(tmp_path):
    tasks = {"lists/copy": zeros_and_ones(2, 4), "lists/shuffle": [Answer(None, nfe=None, status="error")]}
    write_scores(tmp_path / "a.parquet", Run(), tasks)
    (point,) = report_of(tmp_path).points
    assert point.tasks["lists/shuffle"].score is None
    assert point.overall.score is None
    assert point.overall.ci95 is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "partial"}, "partial"),
        ({"run_status": "running"}, "running"),
        ({"run_status": "interrupted"}, "interrupted"),
        ({"undone": 3}, "partial"),
    ],
)
def test_unfinished_runs_are_named_and_marked(tmp_path, changes, words):
    path = write_scores(
        tmp_path / "a.parquet", Run().with_(**changes), {task: zeros_and_ones(4, 4) for task in LISTS.tasks}
    )
    report = report_of(tmp_path)
    (point,) = report.points
    assert not point.complete
    assert point.problems[0].startswith(f"{words}: {path} has 8 of ")
    assert any(str(path) in note for note in report.notes)


def test_means_are_over_the_suite_or_over_all_if_it_is_not_there(tmp_path):
    tasks = {"lists/copy": zeros_and_ones(4, 4), "x/other": zeros_and_ones(0, 4)}
    write_scores(tmp_path / "a.parquet", Run(), tasks)
    (point,) = report_of(tmp_path, LISTS).points
    assert (point.overall.score, point.overall.tasks) == (1.0, 1)
    assert point.lacks == ("lists/shuffle",)
    (point,) = report_of(tmp_path, SuiteTasks("absent", ("z/z",))).points
    assert (point.overall.score, point.overall.tasks) == (0.5, 2)


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ((), None),
        (("a", "b", "c"), "3 of its tasks missing (a, b, c)"),
        (("a", "b", "c", "d"), "4 of its tasks missing (a, b, c, ...)"),
    ],
)
def test_why_a_point_is_incomplete(tmp_path, lacking, words):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    (point,) = report_of(tmp_path, SuiteTasks("s", ("lists/copy", *lacking))).points
    assert (point.complete, point.why_incomplete) == (not lacking, words)
