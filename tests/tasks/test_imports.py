"""`tasks import`: the original's form in its places, its messages, its answers; errors with file and line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.errors import ArtifactError
from pbench.metrics import MetricTools, score_many
from pbench.records import Sample
from pbench.tasks import TaskSpec, check_files, generate, import_data, reference_text, resolve
from tests.tasks.test_check import LENIENT

COPY = {
    "input": {
        "context": '["Ann Lee", "Tom {Fox}"]',
        "icl_examples": [{"input": {"context": '["Joe Ray"]'}, "answer": '["Joe Ray"]'}],
    },
    "answer": '["Ann Lee", "Tom {Fox}"]',
    "output_format": '["[MASK]", "[MASK]"]',
    "metadata": {"n": 2},
}
CONFIG = (
    "copy:\n  name: copy\n  prompt: 'Copy {context}'\n  metric: list_match_score\n  icl_example_count: 1\n"
)


def lay(folder: Path, config: str = CONFIG, group: str = "waiting_line", **lines: Sequence[Any]) -> Path:
    """A data set with one group; a line is an object, or text that is written as it is."""
    place = folder / group
    place.mkdir(parents=True)
    (place / "task_config.yaml").write_text(config, encoding="utf-8")
    for task, rows in lines.items():
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        (place / f"{task}.jsonl").write_text(text, encoding="utf-8")
    return folder


def imported(folder: Path, out: Path) -> list[Sample]:
    return [sample for path in import_data(folder, out).paths for sample in read_rows(path, "samples")]


def one(tmp_path: Path, **changes: Any) -> Sample:
    [sample] = imported(lay(tmp_path / "in", copy=[COPY | changes]), tmp_path / "out")
    return sample


def test_a_sample(tmp_path: Path) -> None:
    sample = one(tmp_path)
    assert sample.messages == (
        {"role": "user", "content": 'Copy ["Joe Ray"]'},
        {"role": "assistant", "content": '["Joe Ray"]'},
        {"role": "user", "content": 'Copy ["Ann Lee", "Tom {Fox}"]'},  # braces in data stay data
    )
    assert (sample.sample_id, sample.index, sample.category) == ("waiting_line/copy/0", 0, "waiting_line")
    assert (sample.metric, sample.headline, sample.gen_length) == ("list_match", "score", 32)
    assert (sample.answer, sample.metadata) == (COPY["answer"], {"n": 2})
    assert sample.output_format == ("[MASK]", "[MASK]")


def test_the_manifest_says_where_it_is_from(tmp_path: Path) -> None:
    folder = lay(tmp_path / "somewhere", copy=[COPY])
    [path] = import_data(folder, tmp_path / "out").paths
    manifest = read_manifest(path)
    assert path == tmp_path / "out" / "waiting_line" / "copy.parquet"
    assert (manifest["task"], manifest["split"], manifest["source"]) == (
        "waiting_line/copy",
        "test",
        "imported",
    )
    assert len(manifest["source_sha256"]) == 64
    assert "somewhere" not in json.dumps(manifest)
    before = path.read_bytes()
    import_data(folder, tmp_path / "out")
    assert path.read_bytes() == before
    assert check_files(tmp_path / "out", LENIENT).problems == []


@pytest.mark.parametrize(
    "place",
    [
        ".",
        "dataset/parallel_bench/data/output/test",
        "parallelbench/data/test",
        "parallelbench/data/v2/x/test",
    ],
)
def test_it_is_found_where_checkouts_have_it(tmp_path: Path, place: str) -> None:
    root = tmp_path / "checkout"
    lay(root / place, copy=[COPY])
    if place != ".":
        lay(root / place / "../train", copy=[COPY])
    assert [sample.task for sample in imported(root, tmp_path / "out")] == ["waiting_line/copy"]


def test_a_group_is_found_by_itself(tmp_path: Path) -> None:
    lay(tmp_path / "in", copy=[COPY])
    assert len(imported(tmp_path / "in" / "waiting_line", tmp_path / "out")) == 1


def test_there_must_be_one_data_set(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="there is no such folder"):
        import_data(tmp_path / "none", tmp_path / "out")
    with pytest.raises(ArtifactError, match=r"no folder in it has a task_config\.yaml"):
        import_data(tmp_path, tmp_path / "out")
    lay(tmp_path / "parallelbench/data/a", copy=[COPY])
    lay(tmp_path / "parallelbench/data/b", copy=[COPY])
    with pytest.raises(ArtifactError, match="several data sets"):
        import_data(tmp_path, tmp_path / "out")


def test_a_backslash_and_n_is_a_newline_in_the_prompt_and_nowhere_else(tmp_path: Path) -> None:
    config = "sudoku_n4_12:\n  name: sudoku\n  prompt: 'Solve:\\n{sudoku}\\n'\n  metric: sudoku_score\n"
    line = {"input": {"sudoku": "12\\n04\n0000"}, "answer": "1234\n3412\n2143\n4321"}
    folder = lay(tmp_path / "in", config, "puzzle", sudoku_n4_12=[line])
    [sample] = imported(folder, tmp_path / "out")
    assert sample.messages[-1]["content"] == "Solve:\n12\\n04\n0000\n"
    assert (sample.task, sample.category, sample.gen_length) == ("puzzle/sudoku_n4_12", "puzzle", 64)


def test_an_object_answer_shows_its_example_and_stays_as_it_is(tmp_path: Path) -> None:
    config = "insert_random:\n  prompt: Insert {word} into {context}\n  metric: list_random_insert_score\n"
    shown = {"input": '["A"]', "word": "B", "example": '["B", "A"]', "extra": [1, None]}
    line = {
        "input": {
            "context": '["A"]',
            "word": "B",
            "icl_examples": [{"input": shown | {"context": 1}, "answer": shown}],
        },
        "answer": shown,
    }
    [sample] = imported(lay(tmp_path / "in", config, insert_random=[line]), tmp_path / "out")
    assert [message["content"] for message in sample.messages] == [
        "Insert B into 1",
        '["B", "A"]',
        'Insert B into ["A"]',
    ]
    assert sample.answer == shown
    assert reference_text(sample) == '["B", "A"]'


def test_text_tasks(tmp_path: Path) -> None:
    config = (
        "easy: {prompt: 'Use {words}.', metric: sentence_to_words_score, icl_example_count: 0}\n"
        "p: {prompt: '{text}', metric: paraphrase_score, ops: &ops [1], more: *ops}\n"
    )
    lines = [{"input": {"words": "cat, dog"}, "answer": {"words": ["cat", "dog"]}}]
    examples = {"text": "A cat sat.", "examples": "['The cat sat.', \"It's a cat.\"]"}
    folder = lay(
        tmp_path / "in",
        config,
        "words_to_sentence",
        easy=lines,
        p=[{"input": {"text": "x"}, "answer": examples}],
    )
    easy, paraphrase = imported(folder, tmp_path / "out")
    assert (easy.metric, easy.headline, easy.gen_length) == ("words_to_sentence", "grammar_score", 64)
    assert (paraphrase.metric, paraphrase.category) == ("paraphrase", "text_writing")
    assert paraphrase.answer == examples
    assert reference_text(paraphrase) == "The cat sat."


def test_fifty_digits_survive(tmp_path: Path) -> None:
    number = 10**49 + 7
    config = "math_op: {prompt: '{equation}', metric: math_op_score}\n"
    folder = lay(
        tmp_path / "in", config, "math", math_op=[{"input": {"equation": "?"}, "answer": {"result": number}}]
    )
    [sample] = imported(folder, tmp_path / "out")
    [(values, _)] = score_many("math_op", [str(number)], [sample.answer], MetricTools())
    assert values == {"score": 1.0, "score_strict": 1.0}


def original_line(sample: Sample) -> dict[str, Any]:
    """One of our samples in the original's form, its prompt being all of the question."""
    turns = [message["content"] for message in sample.messages]
    examples = [
        {"input": {"asked": asked}, "answer": answer}
        for asked, answer in zip(turns[:-1:2], turns[1:-1:2], strict=True)
    ]
    fields = {"asked": turns[-1], "icl_examples": examples}
    return {"input": fields, "answer": sample.answer, "metadata": sample.metadata}


def test_all_the_tasks_come_through_as_they_are(tmp_path: Path) -> None:
    specs = resolve(["benchmark", "waiting_line_n15", "words_to_sentence_by_length"])
    assert len(specs) == 17 + 10 + 18
    ours: dict[str, list[Sample]] = {}
    groups: dict[str, list[TaskSpec]] = {}
    for spec in specs:
        ours[spec.name] = list(generate(spec, samples=4))
        groups.setdefault(spec.group, []).append(spec)
    for group, members in groups.items():
        lines = {
            spec.name.partition("/")[2]: [original_line(sample) for sample in ours[spec.name]]
            for spec in members
        }
        config = "".join(
            f"{spec.name.partition('/')[2]}: {{prompt: '{{asked}}', metric: {spec.metric}_score}}\n"
            for spec in members
        )
        lay(tmp_path / "in", config, group, **lines)
    done = import_data(tmp_path / "in", tmp_path / "out")
    assert len(done.paths) == 45
    assert done.left_out == ()
    for path in done.paths:
        rows = list(read_rows(path, "samples"))
        for row, sample in zip(rows, ours[rows[0].task], strict=True):
            assert (row.messages, row.answer, row.metadata) == (
                sample.messages,
                sample.answer,
                sample.metadata,
            )
            assert (row.metric, row.headline, row.category) == (
                sample.metric,
                sample.headline,
                sample.category,
            )
            assert row.gen_length == sample.gen_length


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{not json", "copy.jsonl:2: broken line, not JSON"),
        ("[1]", "copy.jsonl:2: broken line, no object"),
        ("[" * 100_000, "copy.jsonl:2: broken line, not JSON"),
        ({"answer": "x"}, "copy.jsonl:2: broken line: 'input' is missing"),
        ({"input": 3, "answer": "x"}, "copy.jsonl:2: broken line: 'input' is no object"),
        ({"input": {"context": "x"}}, "copy.jsonl:2: broken line: 'answer' is missing"),
        ({"input": {}, "answer": "x"}, "copy.jsonl:2: broken line: the prompt needs 'context'"),
        (COPY | {"metadata": []}, "copy.jsonl:2: broken line: 'metadata' is no object"),
        (COPY | {"metadata": {"x": float("nan")}}, "copy.jsonl:2: broken line: nan is no JSON number"),
        (COPY | {"answer": 3.5}, "copy.jsonl:2: its answer is none for the metric list_match"),
        (
            {
                "input": {"context": "x", "icl_examples": [{"input": {"context": "y"}, "answer": {}}]},
                "answer": "x",
            },
            "copy.jsonl:2: broken line: an in-context example has no answer to show",
        ),
        (
            {"input": {"context": "x", "icl_examples": "no"}, "answer": "x"},
            "copy.jsonl:2: broken line: 'icl_examples' is no list of objects",
        ),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: Any, message: str) -> None:
    folder = lay(tmp_path / "in", copy=[COPY, line])
    with pytest.raises(ArtifactError) as caught:
        import_data(folder, tmp_path / "out")
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CONFIG.replace("list_match_score", "list_macth_score"), "task_config.yaml:4: unknown metric"),
        (
            CONFIG.replace("{context}", "{contxt}"),
            "task_config.yaml:3: prompt of 'copy': unknown field {contxt}",
        ),
        (CONFIG.replace("{context}", "{context.x}"), "task_config.yaml:3: prompt of 'copy'"),
        (CONFIG.replace("'Copy {context}'", "[1]"), "task_config.yaml:3: the prompt of 'copy' is no text"),
        ("copy:\n  metric: list_match\n", "task_config.yaml:1: task 'copy' has no prompt"),
        ("\ncopy: 3\n", "task_config.yaml:2: task 'copy' has no options"),
        ("../copy: {}\n", "task_config.yaml:1: '../copy' is no name of a task"),
        (CONFIG + CONFIG, "task_config.yaml:6: task 'copy' stands twice"),
        (CONFIG.replace("count: 1", "count: one"), "task_config.yaml:5: icl_example_count is no number"),
        ("copy: [\n", "task_config.yaml:2: bad YAML"),
        ("", "task_config.yaml:1: expected tasks by name"),
        ("other: {prompt: x, metric: list_match}\n", "no file <task>.jsonl lies beside it"),
    ],
)
def test_a_broken_configuration_is_named(tmp_path: Path, config: str, message: str) -> None:
    folder = lay(tmp_path / "in", config, copy=[COPY])
    with pytest.raises(ArtifactError) as caught:
        import_data(folder, tmp_path / "out")
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_has_no_counterpart_is_left_out_and_said(tmp_path: Path) -> None:
    config = CONFIG + "sort: {prompt: 'Sort {context}', metric: list_match_score}\n"
    done = import_data(lay(tmp_path / "in", config, copy=[COPY], shuffle=[COPY]), tmp_path / "out")
    assert len(done.paths) == 1
    assert [line.partition("waiting_line/")[2] for line in done.left_out] == [
        "task_config.yaml: task 'sort' has no sort.jsonl beside it",
        "shuffle.jsonl: task_config.yaml has no such task",
    ]


def test_an_empty_file_and_bad_bytes(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"copy\.jsonl:1: holds no samples"):
        import_data(lay(tmp_path / "a", copy=["", " "]), tmp_path / "out")
    folder = lay(tmp_path / "b", copy=[COPY])
    (folder / "waiting_line" / "copy.jsonl").write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(ArtifactError, match=r"copy\.jsonl:1: is not UTF-8 text"):
        import_data(folder, tmp_path / "out")


def test_a_form_that_is_no_list_is_kept_aside(tmp_path: Path) -> None:
    assert one(tmp_path, output_format="[MASK],[MASK]\n").metadata["output_format"] == "[MASK],[MASK]\n"
