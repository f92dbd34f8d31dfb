"""Comparisons with a baseline: pairs, McNemar, matching of points, refusals; table and JSON."""

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from pbench.errors import UsageError
from pbench.report.comparison import comparisons, mcnemar, newcombe, newcombe_unpaired, paired
from pbench.report.comparison_tables import comparison_extras, comparison_table
from pbench.report.payload import payload
from pbench.report.tables import all_tables
from tests.report.conftest import LISTS, report_of
from tests.report.made import Answer, Run, write_scores, zeros_and_ones

COPY, SHUFFLE = LISTS.tasks
FIRST = {COPY: zeros_and_ones(20, 20), SHUFFLE: zeros_and_ones(15, 20, nfe=8)}
# shuffle: the first 15 are right in the baseline, samples 4 to 13 in the run
SECOND = {
    COPY: zeros_and_ones(20, 20),
    SHUFFLE: [Answer(float(4 <= i < 14), nfe=4, seconds=0.25) for i in range(20)],
}


@pytest.fixture
def folder(tmp_path):
    write_scores(tmp_path / "base.parquet", Run(), FIRST)
    write_scores(tmp_path / "dual.parquet", Run(cache="dual"), SECOND)
    return tmp_path


def compared(folder, *bases):
    report = report_of(folder)
    return report, *comparisons(report, {str(folder / name) for name in bases or ("base.parquet",)})


def test_pairs_recomputed(folder):
    _, (one,), notes = compared(folder)
    assert notes == []
    assert one.differs == {"cache": ("none", "dual")}
    shuffle = one.tasks[SHUFFLE]
    assert (shuffle.n, shuffle.base, shuffle.score, shuffle.difference) == (20, 0.75, 0.5, -0.25)
    assert (shuffle.lost, shuffle.won) == (5, 0)
    assert shuffle.p == pytest.approx(binomtest(0, 5).pvalue) == pytest.approx(0.0625)
    differences = np.array([-1.0] * 4 + [0.0] * 10 + [-1.0] + [0.0] * 5)
    theirs = bootstrap(
        (differences,), np.mean, method="percentile", n_resamples=5_000, rng=np.random.default_rng(1)
    )
    assert shuffle.ci95 == pytest.approx(tuple(theirs.confidence_interval), abs=0.06)
    copy = one.tasks[COPY]
    assert (copy.difference, copy.lost, copy.won, copy.p) == (0.0, 0, 0, 1.0)
    assert copy.ci95[0] == -copy.ci95[1] < 0  # 20 right answers of 20 are not certainty
    assert one.overall.difference == pytest.approx(-0.125)
    assert (one.overall.lost, one.overall.won, one.overall.n) == (5, 0, 40)
    low, high = one.overall.ci95
    assert shuffle.ci95[0] / 2 - 0.05 <= low < -0.125 < high <= 0


def test_newcombe_covers_in_95_of_100_experiments():
    stream = np.random.default_rng(5)
    hits = 0
    for _ in range(600):
        base = (stream.random(30) < 0.8).astype(float)
        values = np.where(stream.random(30) < 0.3, stream.random(30) < 0.5, base).astype(float)
        low, high = newcombe(base, values)
        hits += low <= 0.3 * (0.5 - 0.8) <= high
    assert 0.92 <= hits / 600 <= 0.99


@pytest.mark.parametrize(
    ("both", "lost", "won", "neither", "corrected"),
    [
        (6, 3, 1, 10, 57 - 10),  # 6 x 10 - 3 x 1, less half of 20
        (5, 4, 3, 4, 0),  # 8 is no more than half of 16
        (2, 6, 7, 3, -36),  # not corrected
        (9, 0, 0, 0, 0),  # no correlation of what does not vary
    ],
)
def test_newcombe_of_pairs_by_its_formula(both, lost, won, neither, corrected):
    table = np.repeat([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [both, lost, won, neither], axis=0)
    n, old, new = len(table), both + lost, both + won
    ends = [binomtest(hits, n).proportion_ci(method="wilson") for hits in (old, new)]
    phi = corrected / max((old * (n - old) * new * (n - new)) ** 0.5, 1)
    down, up = (
        (new_side**2 - 2 * phi * new_side * old_side + old_side**2) ** 0.5
        for new_side, old_side in (
            (new / n - ends[1].low, ends[0].high - old / n),
            (ends[1].high - new / n, old / n - ends[0].low),
        )
    )
    gain = (new - old) / n
    assert newcombe(table[:, 0], table[:, 1]) == pytest.approx((gain - down, gain + up))


def test_newcombe_of_other_samples_gives_the_example_of_the_paper():
    """Newcombe 1998, Statistics in Medicine 17:873, table II, contrast (a), method 10."""
    more, less = np.repeat([1.0, 0.0], [56, 14]), np.repeat([1.0, 0.0], [48, 32])
    assert newcombe_unpaired(less, more) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_newcombe_at_the_ends():
    none, all_ = np.zeros(4), np.ones(4)
    low, high = newcombe(none, all_)
    assert high == 1.0
    assert 0.2 < low < 0.8
    assert newcombe(all_, none) == (-1.0, pytest.approx(-low))


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 10) == pytest.approx(2 / 2**10)
    assert mcnemar(10, 0) == mcnemar(0, 10)


def test_pairs_by_hand():
    one = paired(np.array([1.0, 1.0, 0.0, 0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0]), "task")
    assert (one.n, one.lost, one.won, one.paired) == (6, 2, 3, True)
    assert one.p == 1.0  # 2 or more to either side of 5 is certain


@pytest.mark.parametrize("values", [([1.0, 0.5], [1.0, 1.0]), ([1.0, 1.0], [1.0, 0.5])])
def test_one_value_between_0_and_1_makes_shares_of_all(values):
    one = paired(*map(np.array, values), "task")
    assert (one.lost, one.won, one.p) == (None, None, None)


def test_unpaired_shares_have_a_bootstrap_interval_and_no_sum_of_wins(tmp_path):
    halves = [Answer(0.5)] * 4
    write_scores(
        tmp_path / "base.parquet", Run(), {"lists/copy": halves, "lists/shuffle": zeros_and_ones(1, 2)}
    )
    cot = {"chain/copy": zeros_and_ones(4, 4), "lists/shuffle": zeros_and_ones(2, 2)}
    write_scores(tmp_path / "cot.parquet", Run(labels=(("prompt", "cot"),)), cot)
    _, (one,), _ = compared(tmp_path)
    assert one.tasks["chain/copy"].ci95 == (0.5, 0.5)  # answers that are all alike
    assert (one.tasks["lists/shuffle"].lost, one.tasks["lists/shuffle"].won) == (0, 1)
    assert (one.overall.lost, one.overall.won, one.overall.p) == (None, None, None)


def test_a_run_without_a_common_answer_is_not_compared(tmp_path):
    failed = [Answer(None, nfe=None, status="error")]
    write_scores(tmp_path / "base.parquet", Run(), {COPY: zeros_and_ones(1, 1)})
    write_scores(tmp_path / "same.parquet", Run(cache="dual"), {COPY: failed})
    write_scores(tmp_path / "like.parquet", Run(labels=(("a", "b"),)), {"chain/copy": failed})
    report, found, notes = compared(tmp_path)
    assert found == []
    assert comparison_extras(report, {str(tmp_path / "base.parquet")}).remarks == ()
    assert [note.endswith("it shares no answered task with the baseline") for note in notes] == [True, True]


def test_values_between_have_an_interval_and_no_test():
    values = np.random.default_rng(0).random(50)
    one = paired(values, np.clip(values + 0.1, 0, 1), "task")
    assert one.ci95[0] <= one.difference <= one.ci95[1]
    assert one.difference > 0
    assert (one.lost, one.won, one.p) == (None, None, None)


def test_a_p_below_a_thousandth_and_unknown_speeds(tmp_path):
    write_scores(tmp_path / "base.parquet", Run(), {COPY: zeros_and_ones(11, 11, nfe=None)})
    write_scores(tmp_path / "dual.parquet", Run(cache="dual"), {COPY: zeros_and_ones(0, 11)})
    report, (one,), _ = compared(tmp_path)
    rows = comparison_table(report, one).rows
    assert rows[0][4:] == ("11", "0", "<0.001")  # 2 / 2^11
    assert [row[0] for row in rows] == ["copy", "mean of 1 task", "seconds"]


def test_only_samples_that_both_answered(tmp_path):
    first = [Answer(1.0), Answer(0.0), Answer(None, nfe=None, status="error"), Answer(1.0)]
    write_scores(tmp_path / "base.parquet", Run(), {COPY: first})
    write_scores(
        tmp_path / "dual.parquet", Run(cache="dual"), {COPY: [Answer(1.0), Answer(1.0), Answer(1.0)]}
    )
    _, (one,), _ = compared(tmp_path)
    assert (one.tasks[COPY].n, one.tasks[COPY].won) == (2, 1)
    assert list(one.tasks) == [COPY]


def test_each_point_meets_the_one_that_it_differs_least_from(tmp_path):
    for k in (1, 4):
        write_scores(tmp_path / f"base{k}.parquet", Run(options=(("k", k),)), FIRST)
        write_scores(tmp_path / f"dual{k}.parquet", Run(options=(("k", k),), cache="dual"), SECOND)
    remasking = Run(sampler="remdm", options=(("k", 4), ("remask_steps", 2)))
    write_scores(tmp_path / "remdm.parquet", remasking, SECOND)
    _, found, notes = compared(tmp_path, "base1.parquet", "base4.parquet")
    assert notes == []
    assert [(one.point.settings.params["k"], one.base.settings.params["k"]) for one in found] == [
        (1, 1),
        (4, 4),
        (4, 4),
    ]
    assert found[-1].differs == {"sampler": ("confidence", "remdm"), "remask_steps": ("-", "2")}


def test_equally_near_points_are_not_chosen_from(tmp_path):
    for k in (1, 4):
        write_scores(tmp_path / f"base{k}.parquet", Run(options=(("k", k),)), FIRST)
    write_scores(tmp_path / "k2.parquet", Run(options=(("k", 2),)), SECOND)
    _, found, notes = compared(tmp_path, "base1.parquet", "base4.parquet")
    assert found == []
    assert "2 baseline points are equally near" in notes[0]


def test_like_tasks_on_other_samples_are_compared_by_their_means(tmp_path):
    write_scores(tmp_path / "base.parquet", Run(), FIRST)
    write_scores(
        tmp_path / "cot.parquet", Run(labels=(("prompt", "cot"),)), {"chain/shuffle": zeros_and_ones(18, 20)}
    )
    report, (one,), _ = compared(tmp_path)
    found = one.tasks["chain/shuffle"]
    assert (found.paired, found.p, one.overall.paired) == (False, None, False)
    assert (found.base, found.score, found.difference) == (0.75, 0.9, pytest.approx(0.15))
    assert found.ci95[0] < 0.15 < found.ci95[1]
    assert comparison_table(report, one).rows[0][3].endswith(" *")
    assert comparison_table(report, one).rows[0][4:] == ("–", "–", "–")
    assert "*: other samples" in comparison_extras(report, {str(tmp_path / "base.parquet")}).remarks[0]


def test_like_tasks_that_are_all_right_are_not_certainly_equal(tmp_path):
    write_scores(tmp_path / "base.parquet", Run(), {"lists/copy": zeros_and_ones(20, 20)})
    write_scores(
        tmp_path / "cot.parquet", Run(labels=(("prompt", "cot"),)), {"chain/copy": zeros_and_ones(10, 10)}
    )
    _, (one,), _ = compared(tmp_path)
    low, high = one.tasks["chain/copy"].ci95
    assert low < -0.1
    assert high > 0.1
    assert one.overall.ci95 == (low, high)  # the mean over one task


def test_refusals(folder):
    with pytest.raises(UsageError, match="all run points are the baseline's"):
        compared(folder, "base.parquet", "dual.parquet")
    report = report_of(folder)
    with pytest.raises(UsageError, match="give one of them a label"):
        comparisons(report, {"elsewhere"})


def test_other_weights_of_one_name_differ_in_weights(tmp_path):
    for revision in "12":
        write_scores(tmp_path / f"{revision}.parquet", Run(revision=revision), FIRST)
    _, (one,), _ = compared(tmp_path, "1.parquet")
    assert list(one.differs) == ["weights"]
    write_scores(tmp_path / "2.parquet", Run(model="other", options=(("k", 4), ("x", 1))), FIRST)
    _, (one,), _ = compared(tmp_path, "2.parquet")
    assert one.differs == {"model": ("other", "tiny"), "x": ("1", "-")}


def test_table_and_json(folder):
    report = report_of(folder)
    asked = report.with_(comparison_extras(report, {str(folder / "base.parquet")}))
    table = all_tables(asked)[-1]
    assert table.title == "tiny · confidence · cache=dual · k=4 against the baseline: cache none -> dual"
    assert table.columns == ("task", "baseline", "run", "difference (95 %)", "lost", "won", "p")
    assert table.sections == {2, 3}
    assert [row[:3] for row in table.rows] == [
        ("copy", "100.0", "100.0"),
        ("shuffle", "75.0", "50.0"),
        ("mean of 2 tasks", "87.5", "75.0"),
        ("tokens per step", "4.00", "6.00"),
        ("seconds", "0.50", "0.38"),
    ]
    assert table.rows[1][3].startswith("-25.0 (")
    assert table.rows[1][4:] == ("5", "0", "0.062")
    assert "*" not in "".join(table.rows[1]) + asked.extras.remarks[-1]
    assert table.rows[3][3] == "x 1.50"
    (row,) = payload(asked)["comparisons"]
    assert payload(asked)["points"][row["point"]]["cache"] == "dual"
    assert payload(asked)["points"][row["baseline"]]["cache"] == "none"
    assert row["tasks"][SHUFFLE]["difference"] == -0.25
    assert row["speeds"]["tokens_per_step"] == {"baseline": 4.0, "run": 6.0}
