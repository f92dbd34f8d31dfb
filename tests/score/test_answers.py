"""Answers made elsewhere: lines to rows, ids that are wrong, one run a file, the same bytes again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pbench.artifacts import read_manifest, read_rows
from pbench.errors import ArtifactError, UsageError, unknown_name
from pbench.records import Generation, Sample
from pbench.report.files import read_score_files
from pbench.score import answers_output, answers_run, score_run

WORDS = ("A", "B", "C", "D")


@dataclass(frozen=True)
class Made:
    """Four samples of a task whose right answer is one letter."""

    name: str
    content_hash: str = "0" * 64

    @property
    def samples(self) -> tuple[Sample, ...]:
        return tuple(
            Sample(
                sample_id=f"{self.name}/{index}",
                task=self.name,
                category="waiting_line",
                index=index,
                messages=({"role": "user", "content": f"Say {word}"},),
                answer=f'["{word}"]',
                gen_length=32,
                metric="list_match",
                headline="score",
            )
            for index, word in enumerate(WORDS)
        )


def load(name: str) -> Made:
    known = {"lines/copy": "lines/copy", "copy": "lines/copy", "lines/sort": "lines/sort"}
    if name not in known:
        raise unknown_name("task", name, known)
    return Made(known[name])


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_lines(*lines: Any) -> Path:
        path = tmp_path / "mine.jsonl"
        path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines))
        return path

    return write_lines


def answer(index: int, **more: Any) -> dict[str, Any]:
    return {"sample_id": f"lines/copy/{index}", "output_text": f'["{WORDS[index]}"]', **more}


def run(path: Path) -> list[Generation]:
    return list(read_rows(answers_run(path, load, answers_output(path)), "generations"))


def test_a_file_becomes_a_run_that_is_scored_like_any_other(write: Write, tmp_path: Path) -> None:
    said = {"model": "Foo 7B", "sampler": "eager", "parameters": {"k": 2}, "nfe": 16, "seconds": 0.25}
    path = write(*(answer(index, **said) for index in (2, 0, 1)), answer(3) | {"output_text": "[E]"})
    made = answers_run(path, load, answers_output(path))
    assert made == tmp_path / "mine.parquet"
    scores = score_run(made)
    assert scores == tmp_path / "mine.scores.parquet"
    rows = list(read_rows(scores, "scores"))
    assert [(row.index, row.values["score"], row.nfe, row.seconds) for row in rows] == [
        (0, 1.0, 16, 0.25),
        (1, 1.0, 16, 0.25),
        (2, 1.0, 16, 0.25),
        (3, 0.0, None, None),
    ]
    (file,) = read_score_files([scores])
    assert (file.settings.model, file.settings.sampler, file.settings.params) == ("Foo 7B", "eager", {"k": 2})
    assert file.problem is None
    assert file.tasks["lines/copy"].data_hash == "0" * 64


def test_task_and_index_do_as_well_and_short_names_too(write: Write) -> None:
    rows = run(
        write(
            {"task": "copy", "index": 0, "output_text": "x"},
            {"task": "lines/copy", "index": 1, "output_text": "y"},
            {"task": "lines/copy", "index": 2, "sample_id": "lines/copy/2", "output_text": ""},
            "",
            answer(3),
        )
    )
    assert [(row.sample.sample_id, row.output_text, row.status) for row in rows] == [
        ("lines/copy/0", "x", "ok"),
        ("lines/copy/1", "y", "ok"),
        ("lines/copy/2", "", "empty"),
        ("lines/copy/3", '["D"]', "ok"),
    ]


def test_samples_without_an_answer_are_rows_that_say_so(write: Write, tmp_path: Path) -> None:
    rows = run(write(answer(1), answer(2) | {"output_text": None}))
    assert [(row.status, row.error_kind) for row in rows] == [
        ("error", "no_answer"),
        ("ok", None),
        ("error", "no_output"),
        ("error", "no_answer"),
    ]
    assert rows[0].error == "mine.jsonl has no line for this sample"
    task = read_manifest(tmp_path / "mine.parquet")["tasks"]["lines/copy"]
    assert (task["samples"], task["selected"], task["done"]) == (4, 4, 1)


def test_each_task_counts_its_own_answers(write: Write, tmp_path: Path) -> None:
    sorted_ = [{"task": "lines/sort", "index": index, "output_text": "x"} for index in (0, 3)]
    assert len(run(write(answer(1, seconds=0), *sorted_))) == 8
    tasks = read_manifest(tmp_path / "mine.parquet")["tasks"]
    counts = {name: (task["samples"], task["selected"], task["done"]) for name, task in tasks.items()}
    assert counts == {"lines/copy": (4, 4, 1), "lines/sort": (4, 4, 2)}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "mine.jsonl:2: not JSON"),
        ("[" * 50_000, "mine.jsonl:2: not JSON"),
        ("3", "mine.jsonl:2: not an object"),
        ({"output_text": "x"}, "mine.jsonl:2: does not say which sample it answers"),
        ({"task": "copy", "output_text": "x"}, "mine.jsonl:2: does not say which sample"),
        ({"task": "copy", "index": True, "output_text": "x"}, "mine.jsonl:2: does not say which sample"),
        ({"sample_id": "copy", "output_text": "x"}, "mine.jsonl:2: does not say which sample"),
        ({"sample_id": "lines/copy/4", "output_text": "x"}, "mine.jsonl:2: unknown sample 'lines/copy/4'"),
        ({"task": "copy", "index": -1, "output_text": "x"}, "mine.jsonl:2: unknown sample 'copy/-1'"),
        (answer(1) | {"index": 2}, "mine.jsonl:2: unknown sample 'lines/copy/1'"),
        ({"sample_id": "lines/cpy/0", "output_text": "x"}, "mine.jsonl:2: unknown task 'lines/cpy' (did you"),
        (answer(0), "mine.jsonl:2: lines/copy/0 has an answer already, at"),
        (
            {"task": "copy", "index": 0, "output_text": "x"},
            "mine.jsonl:2: lines/copy/0 has an answer already",
        ),
        ({"sample_id": "lines/copy/1"}, "mine.jsonl:2: has no output_text"),
        (answer(1) | {"output_text": 7}, "mine.jsonl:2: output_text is no text"),
        (answer(1, nef=3), "mine.jsonl:2: unknown key 'nef' (did you mean 'nfe'?)"),
        (answer(1, nfe=0), "mine.jsonl:2: nfe 0 is no positive whole number"),
        (answer(1, nfe=1.5), "mine.jsonl:2: nfe 1.5 is no positive"),
        (answer(1, seconds=-1), "mine.jsonl:2: seconds -1 is no number from 0"),
        (answer(1, seconds=float("inf")), "mine.jsonl:2: seconds inf"),
        (answer(1, model="B"), "mine.jsonl:2: model is 'B', at"),
        (answer(1, model=""), "mine.jsonl:2: model is no text"),
        (answer(1, parameters=[1]), "mine.jsonl:2: parameters is no object"),
        (answer(1, parameters={"x": float("nan")}), "mine.jsonl:2: parameters: NaN"),
        (answer(1, parameters={"x": 10**30}), "mine.jsonl:2: parameters: "),
        (answer(1, sampler="\ud800"), "mine.jsonl:2: sampler: "),
    ],
)
def test_a_line_that_is_wrong_is_named(write: Write, tmp_path: Path, line: Any, message: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        run(write(answer(0, model="A"), line))
    assert message in str(caught.value)
    assert not (tmp_path / "mine.parquet").exists()


def test_nothing_to_read(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="holds no answers"):
        run(write("", " "))
    with pytest.raises(ArtifactError, match="cannot be read"):
        run(tmp_path / "none.jsonl")


def test_hostile_texts_are_kept(write: Write) -> None:
    texts = ["\x00\x1b[2J", "</script>", "[" * 100_000, "\ud800"]
    rows = run(write(*(answer(place) | {"output_text": text} for place, text in enumerate(texts))))
    assert [row.output_text for row in rows] == [*texts[:3], "\ufffd"]


def test_the_same_answers_are_the_same_file_and_no_other_is_overwritten(write: Write, tmp_path: Path) -> None:
    path = write(answer(0))
    out = answers_run(path, load, answers_output(path))
    before = out.read_bytes()
    answers_run(path, load, out)
    assert out.read_bytes() == before
    other = tmp_path / "other.parquet"
    other.write_text("my notes")
    with pytest.raises(UsageError, match="holds no answers from elsewhere"):
        answers_run(path, load, other)
    assert other.read_text() == "my notes"


def test_two_files_that_name_no_model_are_two_models(write: Write, tmp_path: Path) -> None:
    first = write(answer(0))
    second = first.with_name("yours.jsonl")
    second.write_text(first.read_text())
    names = [
        read_manifest(answers_run(path, load, answers_output(path)))["identity"]["model"]["name"]
        for path in (first, second)
    ]
    assert names == ["mine", "yours"]


def test_gen_length_of_the_parameters(write: Write) -> None:
    assert {row.gen_length for row in run(write(answer(0, parameters={"gen_length": 128})))} == {128}
    assert {row.gen_length for row in run(write(answer(0, parameters={"gen_length": 1})))} == {1}
    for parameters in ({}, {"k": 1}, {"gen_length": 0}, {"gen_length": -8}, {"gen_length": True}):
        assert {row.gen_length for row in run(write(answer(0, parameters=parameters)))} == {32}


def test_the_generations_lie_beside_the_scores() -> None:
    assert answers_output(Path("a/x.jsonl")) == Path("a/x.parquet")
    assert answers_output(Path("a/x.jsonl"), Path("b/s.parquet")) == Path("b/x.parquet")
