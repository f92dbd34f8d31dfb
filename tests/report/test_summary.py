from pbench.report.summary import findings_in_words, how_to_read_page, summary
from tests.report.conftest import report_of
from tests.report.made import Run, write_scores, zeros_and_ones


def test_sentences_are_made_from_the_numbers(plain):
    scope, best, losses, how = summary(report_of(plain))
    assert scope == "tiny on 2 tasks with confidence, threshold: 6 run points."
    assert "at least 90 % over suite lists, the fastest is tiny · threshold at 4.00 tokens per step" in best
    assert "tiny · confidence 1.00" in best
    assert "From k=1 to k=32 (tiny · confidence) most is lost on shuffle 100 to 0 %; 1 of 2 tasks" in losses
    assert "95 % interval" in how


def test_no_point_covers_the_suite(tmp_path):
    write_scores(tmp_path / "a.parquet", Run(), {"lists/copy": zeros_and_ones(1, 2)})
    lines = summary(report_of(tmp_path))
    assert 3 <= len(lines) <= 5
    assert "No run point covers suite lists" in lines[1]
    assert "1 of 1 run point is incomplete" in lines[2]


def test_nothing_reached_nothing_lost(tmp_path):
    for k in (1, 4):
        tasks = {task: zeros_and_ones(1, 4, nfe=32 // k) for task in ("lists/copy", "lists/shuffle")}
        write_scores(tmp_path / f"{k}.parquet", Run(options=(("k", k),)), tasks)
    lines = summary(report_of(tmp_path))
    assert lines[1] == "No run point has a mean of 60 % over suite lists."
    assert lines[2].endswith("no task loses 5 points or more.")


def test_the_page_has_no_cells_to_speak_of(plain):
    report = report_of(plain)
    assert findings_in_words(report) == summary(report)[:-1]
    said = how_to_read_page(report)
    assert said.startswith("Percent is each task's headline metric, with its 95 % interval.")
    assert "columns" not in said
