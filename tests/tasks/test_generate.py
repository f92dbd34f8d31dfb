"""Samples: numbers, lengths, contents that never repeat, splits that never meet."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from pbench.artifacts import samples_hash
from pbench.errors import UsageError
from pbench.metrics import parse_lenient
from pbench.tasks import TaskSpec, content_key, content_keys, draw, generate, load_suite, reference_text

WAITING_LINE = {spec.name.partition("/")[2]: spec for spec in load_suite("waiting_line").tasks}
PUZZLE = {spec.name.partition("/")[2]: spec for spec in load_suite("puzzle").tasks}
EXTRAS = {spec.name.partition("/")[2]: spec for spec in load_suite("extras").tasks}
ALL = [
    spec
    for name in ("benchmark", "list_lab", "extras", "chain_of_thought")
    for spec in load_suite(name).tasks
]


def named(spec: TaskSpec) -> str:
    return spec.name


@pytest.mark.parametrize("spec", ALL, ids=named)
def test_every_task_gives_its_samples(spec: TaskSpec):
    samples = list(generate(spec))
    assert [sample.index for sample in samples] == list(range(spec.samples))
    assert [sample.sample_id for sample in samples] == [f"{spec.name}/{i}" for i in range(spec.samples)]
    assert len({content_key(sample) for sample in samples}) == spec.samples
    for sample in samples:
        roles = [message["role"] for message in sample.messages]
        assert roles == ["user", "assistant"] * spec.shots + ["user"]
        questions = [message["content"] for message in sample.messages if message["role"] == "user"]
        assert len(set(questions)) == len(questions)
        assert (sample.task, sample.metric, sample.gen_length) == (spec.name, spec.metric, spec.gen_length)


@pytest.mark.parametrize("spec", WAITING_LINE.values(), ids=named)
def test_waiting_line_lengths_lie_in_blocks(spec: TaskSpec):
    lengths = [sample.metadata["length"] for sample in generate(spec)]
    assert lengths == sorted(lengths)
    assert Counter(lengths) == {3: 25, 4: 25, 5: 25, 6: 25}


def test_training_lengths_take_turns():
    samples = list(generate(WAITING_LINE["copy"], "train", 8))
    assert [sample.metadata["length"] for sample in samples] == [3, 4, 5, 6, 3, 4, 5, 6]


@pytest.mark.parametrize("spec", WAITING_LINE.values(), ids=named)
def test_names_of_a_list_differ_and_the_new_one_too(spec: TaskSpec):
    for sample in generate(spec, samples=40):
        question = sample.messages[-1]["content"]
        items = parse_lenient(question)
        assert len(set(items)) == len(items) == sample.metadata["length"]
        assert question.count("[") == question.count("]") == 1
        assert sample.metadata.get("word") not in items


def operate(name: str, items: list[str], word: str, index: int) -> list[str]:
    """The list operations once more, with list methods."""
    line = list(items)
    if name == "reverse":
        line.reverse()
    elif name == "sort":
        line.sort()
    elif name == "insert_index":
        line.insert(index, word)
    elif name == "remove_index":
        del line[index]
    elif name == "replace_index":
        line[index] = word
    return line


@pytest.mark.parametrize("name", ["copy", "reverse", "sort", "insert_index", "remove_index", "replace_index"])
def test_answers_of_the_tasks_with_one_answer(name: str):
    for sample in generate(WAITING_LINE[name]):
        items = parse_lenient(sample.messages[-1]["content"])
        meta = sample.metadata
        expected = operate(name, items, meta.get("word", ""), meta.get("index", 0))
        assert parse_lenient(sample.answer) == expected


def test_every_index_occurs():
    for name, extra in (("insert_index", 1), ("remove_index", 0), ("replace_index", 0)):
        samples = list(generate(WAITING_LINE[name], "train", 400, shots=0))
        for length in (3, 4, 5, 6):
            seen = {sample.metadata["index"] for sample in samples if sample.metadata["length"] == length}
            assert seen == set(range(length + extra))


def test_random_answers_take_every_place():
    places = Counter()
    for sample in generate(WAITING_LINE["insert_random"], "train", 400, shots=0):
        if sample.metadata["length"] == 3:
            places[parse_lenient(sample.answer["example"]).index(sample.metadata["word"])] += 1
    assert set(places) == {0, 1, 2, 3}


def test_train_and_test_never_meet():
    for spec in (WAITING_LINE["copy"], EXTRAS["domino"], EXTRAS["latin_square_n3"]):
        tested = content_keys(spec)
        train = {content_key(sample) for sample in generate(spec, "train", 600, shots=0)}
        assert len(train) == 600
        assert not train & tested


def test_training_examples_are_no_test_questions():
    spec = EXTRAS["domino"]
    tested = {sample.messages[-1]["content"] for sample in generate(spec, shots=0)}
    for sample in generate(spec, "train", 710):
        assert sample.messages[0]["content"] not in tested


def test_a_smaller_training_set_begins_a_larger_one():
    spec = WAITING_LINE["sort"]
    assert list(generate(spec, "train", 10)) == list(generate(spec, "train", 25))[:10]


def test_seed_shots_and_exclude():
    spec = WAITING_LINE["shuffle"]
    base = list(generate(spec, samples=20))
    assert {content_key(s) for s in base}.isdisjoint(
        content_key(s) for s in generate(spec, samples=20, seed=7)
    )
    bare = list(generate(spec, samples=20, shots=0))
    assert [sample.messages[-1] for sample in base] == [sample.messages[0] for sample in bare]
    others = list(generate(spec, samples=20, exclude={content_key(base[3])}))
    assert others[:3] == base[:3]
    assert others[3] != base[3]


def test_draw_is_one_sample_by_itself():
    spec = PUZZLE["latin_square_n4"]
    assert draw(spec, 5) == draw(spec, 5)
    assert draw(spec, 5) != draw(spec, 6)
    assert draw(spec, 5, shots=0).messages == draw(spec, 5).messages[-1:]
    assert draw(spec, 5, seed=1) != draw(spec, 5)
    assert [draw(WAITING_LINE["copy"], i).metadata["length"] for i in range(5)] == [3, 4, 5, 6, 3]


@pytest.mark.parametrize(
    ("spec", "split", "wanted", "message"),
    [
        (EXTRAS["domino"], "test", 811, "811 different samples wanted, 810 are available"),
        (
            EXTRAS["domino"],
            "train",
            711,
            "711 different samples wanted beyond the test split, 710 are available",
        ),
        (EXTRAS["sudoku_n4_4"], "train", 25_621, "25620 are available"),
        (PUZZLE["latin_square_n4"], "test", 58_906, "58905 are available"),
        (load_suite("paraphrase_summarize").tasks[0], "train", 1, "its test split has all that there are"),
        (load_suite("words_to_sentence").tasks[0], "test", 101, "100 are available"),
    ],
)
def test_more_than_a_task_can_give(spec: TaskSpec, split, wanted: int, message: str):
    with pytest.raises(UsageError, match=message):
        next(generate(spec, split, wanted))


def test_exactly_what_a_task_can_give():
    assert len(list(generate(EXTRAS["domino"], samples=810, shots=0))) == 810
    assert len(list(generate(EXTRAS["domino"], "train", 710, shots=0))) == 710


def test_few_words_run_out(write_suite):
    text = "  c: {type: copy, words: [a, b, c], lengths: [2, 3], num_samples: 12, prompt: '{context}'}\n"
    spec = load_suite(write_suite(text)).tasks[0]
    assert len(list(generate(spec))) == 12
    with pytest.raises(UsageError, match="14 different samples wanted, 12 are available"):
        list(generate(spec, samples=14))


def test_exclusion_that_leaves_nothing(write_suite):
    text = "  c: {type: copy, words: [a, b], lengths: [2], num_samples: 2, prompt: '{context}'}\n"
    spec = load_suite(write_suite(text)).tasks[0]
    with pytest.raises(UsageError, match="0 are available"):
        list(generate(spec, exclude=content_keys(spec)))


def test_no_other_example_to_show(write_suite):
    options = "words: [a, b], lengths: [1], num_samples: 1, icl_example_count: 2"
    spec = load_suite(write_suite(f"  s: {{type: sort, {options}, prompt: '{{context}}'}}\n")).tasks[0]
    with pytest.raises(UsageError, match="no 2 in-context examples that differ"):
        list(generate(spec))


def test_worked_examples_end_in_the_answer():
    for spec in load_suite("chain_of_thought").tasks:
        sample = next(generate(spec))
        worked = sample.messages[1]["content"]
        assert worked.count("The answer is:") == 1
        assert worked.rpartition("The answer is:")[2].strip().startswith('["')
        assert "The answer is:" in sample.messages[-1]["content"]
        assert sample.metadata["answer_marker"] == "The answer is:"
        assert reference_text(sample) == sample.metadata["worked"]


def test_output_format_has_one_mask_an_item(write_suite):
    for sample in generate(load_suite("list_lab").tasks[3], samples=6):  # insert_index
        assert sample.output_format == ("[MASK]",) * (sample.metadata["length"] + 1)
    text = "  c: {type: copy, output_format: '<[MASK]>', mask_tokens: 2, prompt: '{context}'}\n"
    sample = next(generate(load_suite(write_suite(text)).tasks[0]))
    assert sample.output_format == ("<[MASK]>",) * 3
    assert sample.metadata["mask_tokens"] == 2
    assert next(generate(WAITING_LINE["copy"])).output_format is None


def test_braces_in_words_stay_words(write_suite):
    words = "['{word}', '{0.x}', '{{']"
    text = f"  c: {{type: copy, words: {words}, lengths: [3], num_samples: 1, prompt: 'x {{context}}'}}\n"
    sample = next(generate(load_suite(write_suite(text)).tasks[0]))
    assert set(parse_lenient(sample.messages[-1]["content"])) == {"{word}", "{0.x}", "{{"}


SCRIPT = """
from pbench.artifacts import samples_hash
from pbench.tasks import generate, load_suite
for name in ("waiting_line", "extras", "words_to_sentence"):
    for spec in load_suite(name).tasks:
        print(spec.name, samples_hash(generate(spec, samples=12)))
"""


def test_same_samples_in_another_process(tmp_path: Path):
    surroundings = {"PYTHONHASHSEED": "4711", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    package = str(Path(__file__).parents[2])
    environment = os.environ | surroundings | {"PYTHONPATH": package}
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    here = [
        f"{spec.name} {samples_hash(generate(spec, samples=12))}"
        for name in ("waiting_line", "extras", "words_to_sentence")
        for spec in load_suite(name).tasks
    ]
    assert found.stdout.splitlines() == here


# Of the first 12 samples of every task of a suite (the others are parts of `benchmark`): those of the
# test split, and training samples where there are any.
# The bundled model was trained and the demo's figures were made on these very samples.
DIGESTS = {
    "benchmark": ("af1219a7ab", "de1a538317"),
    "chain_of_thought": ("84ff18cca8", "1dabae19ab"),
    "extras": ("76d7f005ad", "53f2941802"),
    "list_lab": ("7d76d01e70", "f6d1133448"),
    "waiting_line_n10": ("0a7c4b227e", "f9821c0ba9"),
    "waiting_line_n15": ("73ef695c87", "6ded71ab77"),
    "waiting_line_n20": ("02df155221", "f1694c4c9f"),
    "waiting_line_n5": ("27704e9f6e", "22342697fa"),
    "words_to_sentence_by_length": ("0186e742e9", "901bc8cd85"),
}


@pytest.mark.parametrize("suite", DIGESTS)
def test_content_never_changes_unnoticed(suite: str):
    specs = load_suite(suite).tasks
    endless = [spec for spec in specs if spec.group != "paraphrase_summarize"]
    hashes = [[samples_hash(generate(spec, samples=12)) for spec in specs]]
    hashes.append([samples_hash(generate(spec, "train", 12)) for spec in endless])
    assert tuple(sha256("".join(each).encode()).hexdigest()[:10] for each in hashes) == DIGESTS[suite]


def test_whole_files_never_change_unnoticed():
    assert samples_hash(generate(WAITING_LINE["copy"]))[:10] == "cd27cd0642"
    assert samples_hash(generate(PUZZLE["sudoku_n4_12"]))[:10] == "31f5f178d8"
