import pytest

from pbench.errors import PbenchError, UsageError
from pbench.theory import survey as module
from pbench.theory.survey import check_survey, survey
from pbench.theory.tasks import get_task


def test_schedules_and_best_partitions():
    found = survey(get_task("shuffle"), 10, [(2,) * 5, (4, 3, 2, 1)])
    pairs, uneven = found.schedules
    assert pairs.bits == pytest.approx(2.0227, abs=1e-4)
    assert pairs.unbiased == pytest.approx(pairs.greedy) == pytest.approx(0.2461, abs=1e-4)
    assert uneven.bits < found.schedules[0].bits + 0.5
    assert [len(one.partition) for one in found.best] == list(range(1, 11))
    assert found.best[3].sizes == (4, 3, 2, 1)
    assert found.best[3].bits == pytest.approx(uneven.bits)


def test_tasks_without_closed_accuracy_are_enumerated():
    (one,) = survey(get_task("insert_random"), 4, [(5,)]).schedules
    assert one.greedy == 0
    assert 0 < one.drawn < 1
    (long,) = survey(get_task("shuffle_other"), 12, [(12,)]).schedules
    assert long.greedy is None
    assert long.drawn is None
    assert long.bits > 0


def test_greedy_and_drawn_accuracies_are_told_apart():
    (one,) = survey(get_task("replace_random"), 10, [(10,)]).schedules
    assert (one.greedy, one.drawn) == (0, pytest.approx(0.9**9))


def test_the_list_of_best_partitions_ends_at_the_first_that_is_free():
    assert [one.bits == 0 for one in survey(get_task("latin_square_n3"), 3, []).best] == [False, False, True]
    assert len(survey(get_task("copy"), 5, []).best) == 1


def test_more_positions_than_can_be_searched():
    found = survey(get_task("insert_random"), 20, [(21,)])
    assert found.best == ()
    assert "up to 16 positions, not 21" in (found.why or "")
    assert found.schedules[0].bits > 0


@pytest.mark.parametrize("sizes", [(3, 3), (10, 0), (11, -1)])
def test_sizes_that_do_not_add_up(sizes):
    with pytest.raises(UsageError, match="has 10 positions"):
        survey(get_task("shuffle"), 10, [sizes])


def test_n_has_an_end():
    with pytest.raises(UsageError, match="n up to 256"):
        survey(get_task("shuffle"), 257, [])


@pytest.mark.parametrize(
    ("name", "n"), [("shuffle", 5), ("replace_random", 6), ("insert_random", 5), ("insert_random", 8)]
)
def test_the_check_compares_everything(name, n):
    task = get_task(name)
    found = survey(task, n, [(2, *[1] * (task.positions(n) - 2))])
    said = check_survey(found, task)
    assert said["largest"] < 1e-9
    few = task.positions(n) <= 6  # all ordered partitions as well
    assert said["compared"] == 2 + (3 if few else 2) * len(found.best)
    assert (said["partitions"] > 0) == few


def test_the_check_can_fail(monkeypatch):
    found = survey(get_task("shuffle"), 4, [(2, 2)])
    monkeypatch.setattr(module, "_SAME", -1.0)
    with pytest.raises(PbenchError, match="differ by"):
        check_survey(found, get_task("shuffle"))


def test_the_check_lists_no_more_than_it_can():
    with pytest.raises(UsageError, match="enumeration goes to n = 8"):
        check_survey(survey(get_task("shuffle"), 9, []), get_task("shuffle"))
