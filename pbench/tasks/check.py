"""Check tasks: right answers score 1, nothing twice, splits apart, texts grammatical.

What is checked is either a suite, whose samples are generated here, or samples files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pbench.artifacts import kind_of, read_manifest, read_rows, samples_hash
from pbench.errors import ArtifactError
from pbench.grammar import GrammarChecker
from pbench.metrics import MetricTools, get_metric, judged_text, score_many
from pbench.records import Sample
from pbench.tasks.generate import content_key, generate, reference_text
from pbench.tasks.sources import text_list
from pbench.tasks.spec import TaskSpec

__all__ = ["Report", "check_files", "check_suite"]

# Values that a right answer must have in full; others (overlap with a reference) have no such bound.
_FULL = ("score_strict", "score_exact", "inclusion_score", "grammar_score")
_TRAIN_SAMPLES = 20


@dataclass
class Report:
    """What a check saw; `problems` are lines "where: what"."""

    tasks: int = 0
    samples: int = 0
    unanswered: int = 0  # samples without a known right answer
    problems: list[str] = field(default_factory=list)


def check_suite(specs: Iterable[TaskSpec], checker: GrammarChecker) -> Report:
    """Generate the test split of each task, and a little of its training split, and judge them."""
    report = Report()
    for spec in specs:
        samples = list(generate(spec))
        _judge(spec.name, samples, checker, report)
        keys = {content_key(sample) for sample in samples}
        for sample in _train(spec):
            if content_key(sample) in keys:
                report.problems.append(f"{sample.sample_id}: is in the training split and in the test split")
    return report


def check_files(path: Path, checker: GrammarChecker) -> Report:
    """Judge a samples file, or all of those under a folder; ArtifactError if there is none."""
    files = sorted(p for p in path.rglob("*") if kind_of(p) == "samples") if path.is_dir() else [path]
    if not files:
        raise ArtifactError(f"{path}: no samples files in this folder; `pbench tasks build` makes them")
    report = Report()
    for file in files:
        manifest = read_manifest(file)
        samples = list(read_rows(file, "samples"))
        if samples_hash(samples) != manifest.get("content_hash"):
            report.problems.append(f"{file}: the content hash of its manifest is another one")
        _judge(str(file), samples, checker, report)
    return report


def _train(spec: TaskSpec) -> Iterator[Sample]:
    left = len(spec.pool) - spec.samples if spec.options.finite else _TRAIN_SAMPLES
    return generate(spec, "train", min(_TRAIN_SAMPLES, left)) if left > 0 else iter(())


def _judge(name: str, samples: Sequence[Sample], checker: GrammarChecker, report: Report) -> None:
    report.tasks += 1
    report.samples += len(samples)
    seen: dict[str, str] = {}
    for sample in samples:
        first = seen.setdefault(content_key(sample), sample.sample_id)
        if first != sample.sample_id:
            report.problems.append(f"{sample.sample_id}: asks the same as {first}")
        roles = [message["role"] for message in sample.messages]
        if roles[-1] != "user" or not all(message["content"].strip() for message in sample.messages):
            report.problems.append(f"{sample.sample_id}: has an empty message, or ends in no question")
    if len({sample.sample_id for sample in samples}) != len(samples):
        report.problems.append(f"{name}: a sample_id stands twice")
    report.problems += _wrong_answers(samples, checker, report)
    report.problems += _ungrammatical(samples, checker)


def _wrong_answers(samples: Sequence[Sample], checker: GrammarChecker, report: Report) -> Iterator[str]:
    """Samples whose known right answer does not get the full score of their own metric."""
    known = [(sample, text) for sample in samples if (text := reference_text(sample)) is not None]
    report.unanswered += len(samples) - len(known)
    for metric in dict.fromkeys(sample.metric for sample, _ in known):
        rows = [(sample, text) for sample, text in known if sample.metric == metric]
        texts = [judged_text(text, sample.metadata) for sample, text in rows]
        outcomes = score_many(metric, texts, [sample.answer for sample, _ in rows], MetricTools(checker))
        for (sample, text), (values, reasons) in zip(rows, outcomes, strict=True):
            for value in sorted({sample.headline, *_FULL} & set(get_metric(metric).values)):
                if values[value] != 1.0:
                    shown = values[value] if value not in reasons else reasons[value]
                    yield f"{sample.sample_id}: its own answer {text!r} has {value} {shown}"


def _ungrammatical(samples: Sequence[Sample], checker: GrammarChecker) -> Iterator[str]:
    """Source sentences of writing tasks and further references in which the checker finds something."""
    texts = [
        (sample, text)
        for sample in samples
        if sample.category == "text_writing" and isinstance(sample.answer, dict)
        for text in (sample.answer.get("text"), *_more_examples(sample))
        if isinstance(text, str)
    ]
    found = checker.check([text for _, text in texts])
    for (sample, text), findings in zip(texts, found, strict=True):
        for finding in findings:
            yield f"{sample.sample_id}: {text!r}: {finding.message}"


def _more_examples(sample: Sample) -> Sequence[str]:
    return text_list(sample.answer.get("examples"))[1:]
