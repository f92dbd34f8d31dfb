"""The Python entry: a task is a sequence of samples, its score an aggregate and rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pbench
from pbench.errors import ArtifactError, UsageError
from pbench.tasks import build, reference_text, resolve

PAGE = Path(__file__).parents[1] / "docs" / "own-engine.md"


def right(task: pbench.api.Task) -> list[str]:
    return [reference_text(sample) or "" for sample in task]


def test_a_task_is_a_sequence() -> None:
    task = pbench.load_task("copy")
    assert (task.name, len(task)) == ("waiting_line/copy", 100)
    assert [sample.index for sample in task] == list(range(100))
    assert task[3].messages[-1]["role"] == "user"
    assert [sample.index for sample in task[5:7]] == [5, 6]
    assert repr(task[5:7]) == "<task waiting_line/copy: 2 samples>"


def test_the_aggregate_and_the_rows() -> None:
    task = pbench.load_task("waiting_line/shuffle")[:4]
    answers = right(task)
    answers[1] = "no list"
    answers[2] = answers[2].replace('"', "")
    result = task.score(answers)
    assert (result.task, result.headline, result.n, result.unscored) == (
        "waiting_line/shuffle",
        "score",
        4,
        0,
    )
    assert result.mean == 0.75
    assert result.low < 0.75 < result.high
    assert result.values == {"score": 0.75, "score_strict": 0.5}
    assert [row.score for row in result.rows] == [1.0, 0.0, 1.0, 1.0]
    assert result.rows[1].sample_id == "waiting_line/shuffle/1"
    assert result.checker is None


def test_chain_of_thought_is_judged_by_what_follows_the_marker() -> None:
    task = pbench.load_task("chain_of_thought/reverse")[:2]
    assert all("The answer is:" in text for text in right(task))
    assert task.score(right(task)).mean == 1.0
    assert task.score([text + " The answer is: []" for text in right(task)]).mean == 0.0


def test_grammar_says_who_judged() -> None:
    task = pbench.load_task("words_to_sentence/easy")[:2]
    result = task.score(right(task))
    assert result.headline == "grammar_score"
    assert result.checker is not None
    assert result.checker.startswith("harper ")
    assert result.values["inclusion_score"] == 1.0


def test_a_value_without_its_tool_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbench.api.open_bertscore", lambda model: None)
    task = pbench.load_task("chatgpt-paraphrases")[:1]
    result = task.score(right(task))
    assert result.values["score"] is None
    assert result.rows[0].reasons["score"] == "no BERTScore model"
    assert result.mean == 1.0


def test_a_samples_file_is_a_task(tmp_path: Path) -> None:
    [path] = build(resolve(["sort"]), tmp_path, samples=3)
    task = pbench.load_task(path)
    assert (task.name, len(task)) == ("waiting_line/sort", 3)
    assert pbench.load_task(str(path)).score(right(task)).mean == 1.0
    with pytest.raises(ArtifactError, match="no such file"):
        pbench.load_task(tmp_path / "none.parquet")


def test_what_is_refused() -> None:
    with pytest.raises(UsageError, match="'puzzle' is 2 tasks"):
        pbench.load_task("puzzle")
    with pytest.raises(UsageError, match="unknown task"):
        pbench.load_task("waiting_line/cpy")
    task = pbench.load_task("copy")[:2]
    for answers, message in [
        (["x"], "2 answers wanted, 1 given"),
        ("ab", "one text given"),
        (["x", None], "answer 1 is no text but NoneType"),
    ]:
        with pytest.raises(UsageError, match=message):
            task.score(answers)
    with pytest.raises(UsageError, match="no samples to score"):
        task[:0].score([])


def test_the_ten_lines_of_the_page_run(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    assert len([line for line in example.splitlines() if line]) <= 10
    exec(compile(example, PAGE.name, "exec"), {})  # the text that a reader would copy
    assert capsys.readouterr().out == (
        "100% of 100 (96% to 100%)\n{'score': 1.0, 'score_strict': 1.0}\nwrong: []\n"
    )
