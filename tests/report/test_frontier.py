import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.report.frontier import frontier, non_dominated
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores, zeros_and_ones

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(pairs)
def test_non_dominated_is_what_the_definition_says(points):
    def beaten(a):
        return any(b[0] >= a[0] and b[1] >= a[1] and b != a for b in points)

    found = non_dominated(points)
    assert sorted(found) == [i for i, point in enumerate(points) if not beaten(point)]
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


@pytest.mark.parametrize(
    ("points", "expected"),
    [([], []), ([(1, 1)], [0]), ([(1, 0.9), (2, 0.9)], [1]), ([(2, 0.5), (2, 0.9)], [1])],
)
def test_small_cases(points, expected):
    assert non_dominated(points) == expected


def test_frontier_of_points(plain):
    report = report_of(plain)
    expected = ["k=1", "gamma=0.9", "gamma=0.7", "gamma=0.5", "k=32"]
    assert [point.settings.setting for point in frontier(report.points)] == expected


def test_points_without_a_speed_or_a_score_take_no_part(tmp_path):
    for k, answers in (
        (1, zeros_and_ones(2, 2, nfe=None)),
        (2, [Answer(None)]),
        (4, zeros_and_ones(2, 2)),
        (8, zeros_and_ones(1, 2, nfe=4)),
    ):
        run = Run(options=(("k", k),))
        write_scores(tmp_path / f"{k}.parquet", run, dict.fromkeys(LISTS.tasks, answers))
    assert [point.settings.setting for point in frontier(report_of(tmp_path).points)] == ["k=4", "k=8"]


def test_means_over_fewer_tasks_take_no_part(tmp_path):
    both = {task: zeros_and_ones(10, 20) for task in LISTS.tasks}
    write_scores(tmp_path / "both.parquet", Run(), both)
    write_scores(
        tmp_path / "one.parquet", Run(options=(("k", 8),)), {"lists/copy": zeros_and_ones(20, 20, nfe=1)}
    )
    assert [point.settings.setting for point in frontier(report_of(tmp_path).points)] == ["k=4"]
