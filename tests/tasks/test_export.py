"""Lines for fine-tuning: prompt, completion, tasks in turn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pbench.errors import UsageError
from pbench.tasks import content_keys, export_sft, generate, resolve
from pbench.tasks.generate import _key


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_prompt_and_completion(tmp_path: Path):
    specs = resolve(["sort", "shuffle", "latin_square_n4"])
    rows = lines(export_sft(specs, tmp_path / "new" / "train.jsonl", "train", 4))
    assert [row["task"] for row in rows[:4]] == [specs[0].name, specs[1].name, specs[2].name, specs[0].name]
    assert len(rows) == 12
    sample = next(generate(specs[1], "train", 1))
    assert rows[1] == {
        "prompt": list(sample.messages),
        "completion": [{"role": "assistant", "content": sample.answer["example"]}],
        "task": "waiting_line/shuffle",
        "sample_id": "waiting_line/shuffle/0",
    }


def test_training_lines_hold_no_test_question(tmp_path: Path):
    (spec,) = resolve(["domino"])
    rows = lines(export_sft([spec], tmp_path / "x.jsonl", "train", 700))
    tested = content_keys(spec)
    assert not any(_key(message["content"]) in tested for row in rows for message in row["prompt"])


def test_worked_answers_are_what_is_learned(tmp_path: Path):
    (row,) = lines(export_sft(resolve(["chain_of_thought/sort"]), tmp_path / "x.jsonl", "train", 1))
    assert "\nThe answer is: [" in row["completion"][0]["content"]


def test_tasks_that_teach_nothing(tmp_path: Path):
    out = tmp_path / "x.jsonl"
    with pytest.raises(UsageError, match="knows no right answer to learn from"):
        export_sft(resolve(["words_to_sentence_by_length/easy_7"]), out, "test")
    with pytest.raises(UsageError, match="its test split has all that there are"):
        export_sft(resolve(["samsum"]), out, "train", 5)
    assert list(tmp_path.iterdir()) == []
