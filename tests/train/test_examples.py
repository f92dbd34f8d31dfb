"""Training examples: apart from the tests, in any form that `tasks export` writes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pbench.errors import ArtifactError, UsageError
from pbench.models import find_model, load_model
from pbench.tasks import content_key, content_keys, export_sft, resolve
from pbench.train.examples import check, encode, from_file, from_tasks


def test_training_validation_and_test_contents_are_apart():
    training, validation = from_tasks(["waiting_line/copy", "waiting_line/reverse"], 30, 10, None)
    assert (len(training), len(validation)) == (60, 20)
    for spec in resolve(["waiting_line/copy", "waiting_line/reverse"]):
        keys = [content_key(one.sample) for one in (*training, *validation) if one.sample.task == spec.name]
        assert len(set(keys)) == 40
        assert not set(keys) & content_keys(spec)


@pytest.mark.parametrize("task", ["samsum", "chatgpt-paraphrases"])
def test_a_task_without_training_generator_is_refused(task):
    with pytest.raises(UsageError, match="leave this task out"):
        from_tasks([task], 10, 0, None)


def test_a_file_of_export_is_read_back(tmp_path):
    specs = resolve(["waiting_line/copy", "waiting_line/sort"])
    path = export_sft(specs, tmp_path / "a.jsonl", "train", 6)
    training, validation = from_file(path, [], 2, None)
    assert (len(training), len(validation)) == (10, 2)
    fresh, _ = from_tasks(["waiting_line/copy"], 1, 0, None)
    assert training[0].answer == fresh[0].answer
    assert training[0].sample.messages == fresh[0].sample.messages
    assert training[0].sample.gen_length == 32


def test_test_contents_in_a_file_are_refused(tmp_path):
    specs = resolve(["waiting_line/copy"])
    path = export_sft(specs, tmp_path / "test.jsonl", "test")
    with pytest.raises(UsageError, match="100 examples stand in the test split of waiting_line/copy"):
        from_file(path, [], 0, None)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["task"] = "renamed/by_hand"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UsageError, match="give --gen-length"):
        from_file(path, [], 0, None)
    with pytest.raises(UsageError, match="stand in the test split"):
        from_file(path, ["waiting_line/copy"], 0, 32)
    assert len(from_file(path, [], 0, 32)[0]) == 100


@pytest.mark.parametrize(
    "line", ["no json", "[]", '{"prompt": []}', '{"prompt": [{"role": "user", "content": "x"}]}']
)
def test_other_files_are_named_with_their_line(line, tmp_path):
    (tmp_path / "a.jsonl").write_text(line + "\n")
    with pytest.raises(ArtifactError, match=r"a\.jsonl:1"):
        from_file(tmp_path / "a.jsonl", [], 0, None)


def test_too_few_lines_and_no_file(tmp_path):
    with pytest.raises(ArtifactError):
        from_file(tmp_path / "none.jsonl", [], 0, None)
    path = export_sft(resolve(["waiting_line/copy"]), tmp_path / "a.jsonl", "train", 3)
    with pytest.raises(UsageError, match="has 3 examples; 3"):
        from_file(path, [], 3, None)


def test_answers_are_filled_up_with_eos_and_may_not_be_longer():
    model = load_model(find_model("tiny"), "cpu")
    training, _ = from_tasks(["waiting_line/copy"], 2, 0, None)
    rows = encode(model, training)
    assert rows.answers.shape == (2, 32)
    length = len(model.encode_text(training[0].answer))
    assert rows.answers[0, length:].eq(model.eos_token_id).all()
    short, _ = from_tasks(["waiting_line/copy"], 2, 0, 4)
    with pytest.raises(UsageError, match="more than gen_length 4"):
        encode(model, short)


def test_what_the_model_cannot_hold_is_found_before_the_first_step():
    model = load_model(find_model("tiny"), "cpu")
    training, _ = from_tasks(["waiting_line/copy"], 40, 0, None)
    check(model, training)
    last = replace(training[-1], sample=replace(training[-1].sample, gen_length=4))
    with pytest.raises(UsageError, match="larger --gen-length"):
        check(model, [*training[:-1], last])


def test_a_file_without_examples_says_so(tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")
    with pytest.raises(UsageError, match="has no examples"):
        from_file(path, [], 0, None)
