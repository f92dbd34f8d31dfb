"""`tasks check`: our own tasks pass; what is wrong is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pbench.artifacts import samples_hash, write_artifact
from pbench.errors import ArtifactError
from pbench.grammar import Finding, open_checker
from pbench.records import Sample
from pbench.tasks import build, check_files, check_suite, generate, load_suite, resolve, shipped_suites


class LenientChecker:
    """Finds fault with every text that contains `!!`."""

    name = "lenient"
    version = "0"

    def check(self, texts: Sequence[str]) -> list[list[Finding]]:
        return [[Finding("is wrong", "X", 0, 1, text[:1])] if "!!" in text else [] for text in texts]


LENIENT = LenientChecker()


@pytest.mark.parametrize("name", sorted(set(shipped_suites()) - {"benchmark", "text_writing"}))
def test_right_answers_score_one(name: str):
    report = check_suite(load_suite(name).tasks, LENIENT)
    assert report.problems == []
    assert report.tasks == len(load_suite(name).tasks)
    # Reference sentences hold four words; some happen to hold a fifth.
    assert report.unanswered == 0 or (
        name == "words_to_sentence_by_length" and 800 < report.unanswered <= 900
    )


def test_bundled_texts_are_grammatical():
    # Ten of each kind: the whole is `pbench tasks check text_writing`.
    checker = open_checker("harper")
    for spec in load_suite("text_writing").tasks:
        texts = [
            text
            for row in spec.pool[::10]
            for text in (
                row.get("text"),
                row.get("summary"),
                row.get("sentence"),
                *row.get("paraphrases", []),
            )
            if text
        ]
        assert len(texts) >= 10
        assert [found for found in checker.check(texts) if found] == []


def test_texts_with_a_fault_are_found(write_suite, tmp_path: Path):
    rows = [
        '{"text": "A source!!", "paraphrases": ["Fine.", "Also!!"]}',
        '{"text": "Fine source.", "paraphrases": ["This!!"]}',
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    head = "defaults: {category: text_writing, gen_length: 9, num_samples: 2}\ntasks:\n"
    suite = write_suite("  p: {type: paraphrase, source: {file: rows.jsonl}, prompt: '{text}'}\n", head)
    report = check_suite(load_suite(suite).tasks, LENIENT)
    assert report.problems == [
        "own/p/1: its own answer 'This!!' has grammar_score 0.0",
        "own/p/0: 'A source!!': is wrong",
        "own/p/0: 'Also!!': is wrong",
    ]


def save(path: Path, samples: Sequence[Sample], content_hash: str | None = None) -> Path:
    manifest = {"task": "waiting_line/copy", "content_hash": content_hash or samples_hash(samples)}
    return write_artifact(path, "samples", samples, manifest)


def test_built_files_pass(tmp_path: Path):
    build(resolve(["puzzle", "copy"]), tmp_path)
    report = check_files(tmp_path, LENIENT)
    assert (report.tasks, report.samples, report.problems) == (3, 308, [])


def test_wrong_files_do_not(tmp_path: Path):
    first, second = generate(resolve(["copy"])[0], samples=2)
    wrong = replace(second, index=2, sample_id="waiting_line/copy/2", answer='["Nobody"]')
    report = check_files(save(tmp_path / "x.jsonl", [first, second, wrong]), LENIENT)
    assert report.problems == ["waiting_line/copy/2: asks the same as waiting_line/copy/1"]
    report = check_files(save(tmp_path / "x.parquet", [first, first], "0"), LENIENT)
    assert report.problems == [
        f"{tmp_path / 'x.parquet'}: the content hash of its manifest is another one",
        f"{tmp_path / 'x.parquet'}: a sample_id stands twice",
    ]
    silent = replace(first, messages=({"role": "assistant", "content": " "},))
    report = check_files(save(tmp_path / "y.parquet", [silent]), LENIENT)
    assert report.problems == ["waiting_line/copy/0: has an empty message, or ends in no question"]


def test_an_example_that_its_metric_refuses(tmp_path: Path):
    (sample,) = generate(resolve(["shuffle"])[0], samples=1)
    same = replace(sample, answer=sample.answer | {"example": sample.answer["input"]})
    report = check_files(save(tmp_path / "x.parquet", [same]), LENIENT)
    assert [problem.rpartition(" has ")[2] for problem in report.problems] == [
        "score 0.0",
        "score_strict 0.0",
    ]


def test_nothing_to_check(tmp_path: Path):
    with pytest.raises(ArtifactError, match="no samples files in this folder"):
        check_files(tmp_path, LENIENT)
    with pytest.raises(ArtifactError, match="no such file"):
        check_files(tmp_path / "none.parquet", LENIENT)
