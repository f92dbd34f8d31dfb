"""Suite files: what ships, strict reading with file and line, defaults, includes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.errors import ConfigError, UsageError
from pbench.tasks import load_suite, shipped_suites
from pbench.tasks.suites import configs_dir
from tests.tasks.conftest import HEAD

BENCHMARK = [
    *(f"waiting_line/{name}" for name in (
        "copy", "reverse", "sort", "insert_index", "remove_index", "replace_index",
        "insert_random", "remove_random", "replace_random", "shuffle",
    )),
    "paraphrase_summarize/chatgpt-paraphrases",
    "paraphrase_summarize/samsum",
    *(f"words_to_sentence/{name}" for name in ("easy", "medium", "hard")),
    "puzzle/latin_square_n4",
    "puzzle/sudoku_n4_12",
]  # fmt: skip


def test_the_benchmark_has_its_17_tasks():
    tasks = {spec.name: spec for spec in load_suite("benchmark").tasks}
    assert list(tasks) == BENCHMARK
    assert {name: spec.samples for name, spec in tasks.items() if spec.samples != 100} == {
        "puzzle/sudoku_n4_12": 108
    }
    lengths = {"waiting_line": 32, "text_writing": 64, "puzzle": 64}
    assert all(spec.gen_length == lengths[spec.category] for spec in tasks.values())
    shots = {"waiting_line": 1, "text_writing": 0, "puzzle": 1}
    assert all(spec.shots == shots[spec.category] for spec in tasks.values())
    assert all(
        (spec.headline == "grammar_score") == (spec.category == "text_writing") for spec in tasks.values()
    )


def test_shipped_suites():
    counts = {name: len(load_suite(name).tasks) for name in shipped_suites()}
    assert counts == {
        "benchmark": 17, "chain_of_thought": 10, "extras": 14, "list_lab": 12, "paraphrase_summarize": 2,
        "puzzle": 2, "text_writing": 5, "waiting_line": 10, "waiting_line_n5": 10, "waiting_line_n10": 10,
        "waiting_line_n15": 10, "waiting_line_n20": 10,
        "words_to_sentence": 3, "words_to_sentence_by_length": 18,
    }  # fmt: skip


def test_length_study_and_chain_of_thought():
    for n in (5, 10, 15, 20):
        tasks = load_suite(f"waiting_line_n{n}").tasks
        assert {spec.options.buckets for spec in tasks} == {(n,)}
        assert {spec.samples for spec in tasks} == {100}
    assert {spec.gen_length for spec in load_suite("waiting_line_n15").tasks} == {128}
    assert {spec.gen_length for spec in load_suite("chain_of_thought").tasks} == {256}


def test_group_is_the_stem_of_the_file():
    for name in shipped_suites():
        groups = {spec.group for spec in load_suite(name).tasks}
        assert groups == {name} or load_suite(name).name in ("benchmark", "text_writing")


def test_waiting_line_prompts_end_in_the_list():
    for name in ("waiting_line", "waiting_line_n15", "chain_of_thought", "list_lab"):
        for spec in load_suite(name).tasks:
            assert spec.prompt.endswith("{context}")
            assert "[" not in spec.prompt


@pytest.mark.parametrize("name", ["copy_reverse", "hub_corpora"])
def test_examples_load(name: str):
    assert len(load_suite(configs_dir() / "examples" / f"{name}.yaml").tasks) == 2


def test_the_readme_example():
    tasks = load_suite(configs_dir() / "examples" / "copy_reverse.yaml").tasks
    assert [spec.name for spec in tasks] == ["copy_reverse/copy", "copy_reverse/reverse"]
    assert {spec.samples for spec in tasks} == {40}


def test_unknown_suite():
    with pytest.raises(UsageError, match=r"unknown suite 'waiting-line' \(did you mean 'waiting_line'\?\)"):
        load_suite("waiting-line")


COPY = '  copy:\n    type: copy\n    prompt: "{context}"\n'


@pytest.mark.parametrize(
    ("tasks", "line", "message"),
    [
        (COPY + "    gen_lenght: 3\n", 11, r"'tasks.copy.gen_lenght' \(did you mean 'gen_length'\?\)"),
        (COPY + "    random_index: true\n", 11, "unknown key 'tasks.copy.random_index'"),
        (COPY + "    seed: 1\n    seed: 2\n", 12, "key 'seed' stands twice"),
        (COPY + "    seed: !!python/name:os.system x\n", 11, "tag .* is not accepted"),
        (COPY + "    seed: !thing 3\n", 11, "tag !thing is not accepted"),
        (COPY + "    metric: list_macth\n", 11, r"'list_macth' \(did you mean 'list_match'\?\)"),
        (COPY + "    headline: grammar_score\n", 8, "the metric 'list_match' has no 'grammar_score'"),
        (COPY + "    words: 5\n", 11, "tasks.copy.words"),
        (COPY + "    lengths: [5, 3]\n", 8, "lengths must rise"),
        (COPY + "    lengths: [0]\n", 11, "greater than or equal to 1"),
        (COPY + "    max_length: 1000000000000\n", 11, "less than or equal to 1000"),
        (COPY + "    num_samples: 3\n    samples_per_length: 3\n", 8, "either num_samples or"),
        (COPY + "    mask_tokens: 3\n", 8, "mask_tokens needs output_format"),
        (COPY + "    category: sport\n", 11, "tasks.copy.category"),
        (COPY.replace("type: copy", "type: copyy"), 8, "copyy"),
        (COPY.replace("    type: copy\n", ""), 8, "discriminator 'type'"),
        (COPY.replace("{context}", "{context.x}"), 10, "no bare field"),
        (COPY.replace("{context}", "{contxt}"), 10, "unknown field {contxt}"),
        (COPY.replace("{context}", "{word} {context}"), 10, "unknown field {word}"),
        (COPY.replace("{context}", "please"), 8, "does not show {context}"),
        (COPY.replace("  copy:", "  ../../x:"), 8, "'../../x' is no name"),
        (COPY.replace("  copy:", "  Copy:"), 8, "'Copy' is no name"),
        (COPY.replace("  copy:", "  a/b:"), 8, "'a/b' is no name"),
        ('  r:\n    type: repeat\n    repeat_type: each\n    repeat_count: [2]\n'
         '    prompt: "{context} {count}"\n',
         11, r"'tasks.r.repeat_count' \(did you mean 'repeat_counts'\?\)"),
        ('  i:\n    type: insert\n    random_index: true\n    prompt: "{word} {index} {context}"\n',
         8, "{index} has no value with these options"),
        ('  i:\n    type: insert\n    prompt: "{word} {context}"\n', 8, "does not show {index}"),
        ('  r:\n    type: repeat\n    repeat_type: each\n    repeat_counts: [2]\n    worked_examples: true\n'
         '    prompt: "{context} {count}"\n', 8, "no worked examples"),
        ("  copy: 3\n", 8, "tasks.copy"),
    ],
)  # fmt: skip
def test_strict(write_suite, tasks: str, line: int, message: str):
    path = write_suite(tasks)
    with pytest.raises(ConfigError, match=message) as caught:
        load_suite(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert caught.value.exit_code == 2


def test_default_that_no_task_takes(write_suite):
    path = write_suite(COPY, head="defaults:\n  repeat_type: each\ntasks:\n")
    with pytest.raises(
        ConfigError, match=re.escape(f"{path}:2: defaults.repeat_type: no task here takes it")
    ):
        load_suite(path)


def test_defaults_go_to_the_tasks_that_take_them(write_suite):
    latin = "  l: {type: latin_square, size: 3, category: puzzle, prompt: '{symbols}'}\n"
    tasks = load_suite(write_suite(COPY + "    lengths: [7]\n    num_samples: 5\n" + latin)).tasks
    assert tasks[0].options.buckets == (7,)
    assert [spec.samples for spec in tasks] == [5, 100]
    assert [spec.gen_length for spec in tasks] == [32, 32]


def test_own_count_beats_the_default_of_the_other_kind(write_suite):
    defaults = "{category: puzzle, samples_per_length: 25, gen_length: 9, min_length: 3, max_length: 4}"
    head = f"defaults: {defaults}\ntasks:\n"
    path = write_suite("  c: {type: cumsum, prompt: '{context}', num_samples: 7}\n", head)
    assert load_suite(path).tasks[0].samples == 7


@pytest.mark.parametrize(
    "content", ["description: x\n", "include: [puzzle]\ntasks: {}\ndefaults: {}\nx: 1\n", "[]\n"]
)
def test_a_suite_has_tasks_or_includes(tmp_path: Path, content: str):
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError):
        load_suite(path)


def test_include_takes_own_and_shipped_suites(write_suite, tmp_path: Path):
    write_suite(COPY, name="first")
    path = tmp_path / "both.yaml"
    path.write_text("include: [first, puzzle]\n")
    names = [spec.name for spec in load_suite(path).tasks]
    assert names == ["first/copy", "puzzle/latin_square_n4", "puzzle/sudoku_n4_12"]


def test_include_of_an_unknown_suite_and_of_itself(tmp_path: Path):
    path = tmp_path / "both.yaml"
    path.write_text("include: [puzle]\n")
    with pytest.raises(ConfigError, match=r"no suite 'puzle' \(did you mean 'puzzle'\?\)"):
        load_suite(path)
    path.write_text("include: [both]\n")
    with pytest.raises(ConfigError, match="includes itself: both -> both"):
        load_suite(path)
    path.write_text("include: [../puzzle]\n")
    with pytest.raises(ConfigError, match="is no name"):
        load_suite(path)


def test_file_name_must_be_a_name(write_suite):
    with pytest.raises(ConfigError, match="'My Suite' is no such name"):
        load_suite(write_suite(COPY, name="My Suite"))


def test_missing_file(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_suite(tmp_path / "none.yaml")


@given(st.text(), st.text(alphabet="{}[]:,-&*!? abc\n\"'|>", max_size=60))
def test_any_text_loads_or_is_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str, dense: str):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    for content in (text, dense, f"tasks:\n  copy: {dense}\n", HEAD + COPY.replace("{context}", dense)):
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        message = str(path)
        try:
            load_suite(path)
        except ConfigError as error:
            message = str(error)
        assert message.startswith(str(path))


def test_sample_numbers_of_a_shipped_suite_are_balanced():
    for spec in load_suite("waiting_line").tasks:
        assert spec.options.buckets == (3, 4, 5, 6)
        assert Counter(spec.options.buckets).total() * 25 == spec.samples
