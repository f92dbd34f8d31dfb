"""The oracle-answers self-test: it passes on all tasks, sees what is wrong, and prints the docs' table."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbench.grammar import open_checker
from pbench.metrics import METRICS, get_metric, sample_info
from pbench.tasks import all_tasks, generate, markdown, oracle_answers, resolve
from pbench.tasks.oracle_answers import COLUMNS, _answers
from tests.tasks.test_check import LENIENT

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def answers(task: str, place: int = 0) -> dict[str, str]:
    return dict(_answers(list(generate(resolve([task])[0], samples=place + 1))[place]))


def test_every_task_without_grammar_scores_as_it_should() -> None:
    specs = [spec for spec in all_tasks() if "grammar" not in get_metric(spec.metric).needs]
    result = oracle_answers(specs, LENIENT, 4)
    assert result.problems == []
    assert len({row.task for row in result.rows}) == len(specs) > 80
    assert all(row.means["reference"] == 1.0 for row in result.rows)


def test_wrong_answers_are_wrong_in_the_way_they_say() -> None:
    made = answers("list_lab/insert_index")
    right = made["reference"]
    assert set(made) == {"reference", "swap", "repeat", "drop", "foreign name", "wrong index"}
    assert len(set(made.values())) == 6
    assert sorted(made["swap"]) == sorted(right) == sorted(made["wrong index"])
    assert len(made["repeat"]) > len(right) > len(made["drop"])
    assert "Zelda Quorn" in made["foreign name"]
    assert "article error" in answers("words_to_sentence/easy")
    assert answers("chain_of_thought/copy")["drop"].count("The answer is:") == 1


def test_a_metric_that_lets_wrong_answers_pass_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    generous = sample_info("list_match", lambda _p, _r: {"score": 1.0})
    monkeypatch.setattr("pbench.metrics.registry.get_metric", lambda _name: generous)
    result = oracle_answers(resolve(["waiting_line/remove_index"]), LENIENT, 1)
    assert len(result.problems) == 5
    assert "has score 1.0, not 0.0" in result.problems[0]
    assert METRICS.get("list_match") is not generous


def test_a_checker_that_finds_nothing_is_found() -> None:
    result = oracle_answers(resolve(["words_to_sentence/easy"]), LENIENT, 3)
    assert result.problems
    assert all("article error" in problem for problem in result.problems)


def test_the_table_of_the_docs_is_what_the_command_prints() -> None:
    result = oracle_answers(resolve(["benchmark", "extras"]), open_checker("harper"), 10)
    assert result.problems == []
    table = markdown(result)
    assert table.splitlines()[0].endswith(" | ".join(COLUMNS) + " |")
    assert f"\n{table}\n" in PAGE.read_text()
