"""All cells at once give what each cell alone gives, to the last bit."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from pbench.metrics.bootstrap import resampled_means
from pbench.metrics.intervals import mean_interval
from pbench.report.cells import group
from pbench.report.files import read_score_files
from pbench.report.rows import read_rows
from pbench.report.values import cell_draws, cell_means, cell_values
from tests.report.made import Answer, Run, write_scores


@pytest.fixture
def cells(tmp_path):
    """Right or wrong, shares, both with errors and missing values, and a cell without any value."""
    stream = np.random.default_rng(5)
    files = []
    for k in (1, 2, 4):
        whole = [Answer(float(stream.random() < 0.5)) for _ in range(30)]
        shares = [Answer(float(value)) for value in stream.random(30)]
        holes = [*whole[:20], Answer(None), Answer(None, status="error", nfe=None)]
        tasks = {"a/whole": whole, "a/shares": shares, "a/holes": holes, "a/nothing": [Answer(None)]}
        path = write_scores(tmp_path / f"{k}.parquet", Run(options=(("k", k),)), tasks)
        files += read_score_files([path])
    return group(read_rows(files, "default"), files)


def known(cells, key):
    part = cells.rows.take(cells.slices[key])
    return part.value[~part.error & ~np.isnan(part.value)]


def test_the_known_values_of_each_cell(cells):
    found = cell_values(cells)
    assert list(found) == list(cells.slices)
    for key, own in found.items():
        assert own.values.tolist() == known(cells, key).tolist()
        assert own.whole == (key[1] != "a/shares")


def test_means_are_those_of_each_cell_alone(cells):
    means = cell_means(cell_values(cells))
    assert list(means) == list(cells.slices)
    for key, mean in means.items():
        assert mean == (mean_interval(known(cells, key)) if key[1] != "a/nothing" else None)


def test_cells_of_shares_with_as_many_values_are_drawn_for_together(cells, monkeypatch):
    found, calls = cell_values(cells), []

    def counted(*args, **options):
        calls.append(options["n_resamples"])
        return bootstrap(*args, **options)

    monkeypatch.setattr("scipy.stats.bootstrap", counted)
    cell_means(found)
    assert len([own for own in found.values() if not own.whole]) == 3
    assert len(calls) == 1


def test_draws_are_those_of_each_cell_alone(cells):
    tasks = ["a/whole", "a/shares", "a/holes", "a/nothing"]
    draws = cell_draws(cell_values(cells), tasks)
    assert set(draws) == set(cells.slices)
    for key, draw in draws.items():
        own = known(cells, key)
        assert draw.tolist() == (resampled_means(own, key[1]).tolist() if len(own) else [])
    assert {task for _, task in cell_draws(cell_values(cells), ["a/whole"])} == {"a/whole"}
