import numpy as np
import pytest

from pbench.artifacts import read_rows as read_records
from pbench.report.files import read_score_files
from pbench.report.rows import read_rows
from tests.report.made import Answer, Run, write_scores


@pytest.fixture(params=["parquet", "jsonl"])
def files(tmp_path, request):
    text = [
        Answer(1.0, score=0.25),
        Answer(0.0, score=None),
        Answer(None, status="error", nfe=None, seconds=None),
    ]
    lists = [Answer(0.5), Answer(None), Answer(1.0, status="empty", content_length=None)]
    many = [Answer(i % 2, nfe=i + 1) for i in range(600)]  # more than one row group
    made = [
        write_scores(tmp_path / f"text.{request.param}", Run(headline="grammar_score"), {"text/a": text}),
        write_scores(tmp_path / f"lists.{request.param}", Run(), {"lists/a": lists, "lists/b": many}),
        write_scores(tmp_path / f"none.{request.param}", Run(), {"lists/c": []}),
    ]
    return list(read_score_files(made))


@pytest.mark.parametrize("headline", ["default", "combined"])
def test_columns_are_what_the_records_say(files, headline):
    rows = read_rows(files, headline)
    records = [
        (number, one) for number, file in enumerate(files) for one in read_records(file.path, "scores")
    ]
    assert len(rows.value) == len(records) == 606
    for i, (number, one) in enumerate(records):
        value = one.values.get(one.headline if headline == "default" else "score")
        assert rows.file[i] == number
        assert rows.tasks[rows.task[i]] == one.task
        assert rows.index[i] == one.index
        assert rows.error[i] == (one.status == "error")
        numbers = {
            "value": value,
            "nfe": one.nfe,
            "content_length": one.content_length,
            "seconds": one.seconds,
        }
        for name, expected in numbers.items():
            got = getattr(rows, name)[i]
            assert np.isnan(got) if expected is None else got == expected


def test_no_rows_at_all(tmp_path):
    path = write_scores(tmp_path / "x.parquet", Run(), {"lists/c": []})
    rows = read_rows(list(read_score_files([path])), "default")
    assert len(rows.value) == len(rows.task) == 0
    assert rows.tasks == ()
