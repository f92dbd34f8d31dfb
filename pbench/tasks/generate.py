"""Samples of a task: drawn one by one, each from its own key, none twice.

The randomness of a sample comes from (seed, task, split, index) and from nothing else. Samples of
the test split lie in blocks of equal length, shortest first; training samples take the lengths in
turn, so that a smaller training set is the beginning of a larger one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hashlib import blake2b
from typing import Literal

from pbench.errors import UsageError
from pbench.metrics import MetricTools, extract_answer, score_many
from pbench.records import Message, Sample
from pbench.tasks.spec import Question, TaskSpec, Turn
from pbench.tasks.stream import Stream

__all__ = ["Split", "content_key", "content_keys", "draw", "generate", "reference_text"]

Split = Literal["test", "train"]

_PATIENCE = 1000


def content_key(sample: Sample) -> str:
    """Identity of the question, its in-context examples left aside: a hash of the last message."""
    return _key(sample.messages[-1]["content"])


def content_keys(spec: TaskSpec) -> frozenset[str]:
    """Content keys of the task's own test split."""
    return frozenset(content_key(sample) for sample in generate(spec, shots=0))


def reference_text(sample: Sample) -> str | None:
    """One right answer as a model would write it; None where the task knows none."""
    if "worked" in sample.metadata:
        return sample.metadata["worked"]
    answer = sample.answer
    if isinstance(answer, str):
        return answer
    examples = answer.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return answer.get("example", answer.get("summary"))


def generate(
    spec: TaskSpec,
    split: Split = "test",
    samples: int | None = None,
    seed: int | None = None,
    exclude: Collection[str] = frozenset(),
    shots: int | None = None,
) -> Iterator[Sample]:
    """Draw `samples` different samples (default: as many as the test split has).

    Nothing whose content key is in `exclude` is drawn; a training split leaves out the task's own
    test split too. `seed` and `shots` (in-context examples) stand in for those of the task.
    UsageError when the task has no more to give, with the number that it gave.
    """
    taken = set(exclude)
    if split != "test":
        taken |= content_keys(spec)
    total = spec.samples if samples is None else samples
    _require_room(spec, split, total)
    for index in range(total):
        length = _length(spec, split, index, total)
        sample = _fresh(spec, split, index, length, seed, shots, taken)
        if sample is None:
            raise _exhausted(spec, split, index, total)
        taken.add(content_key(sample))
        yield sample


def draw(
    spec: TaskSpec, index: int, split: Split = "train", seed: int | None = None, shots: int | None = None
) -> Sample:
    """Sample number `index` by itself: contents may repeat those of other indices and splits."""
    length = _length(spec, "train", index, 0)
    seed = spec.seed if seed is None else seed
    sample = _attempt(spec, (seed, spec.name, split, index, 0), index, length, shots, ())
    assert sample is not None
    return sample


def _length(spec: TaskSpec, split: Split, index: int, total: int) -> int:
    buckets = spec.options.buckets
    if split == "test":
        return buckets[index * len(buckets) // total]
    return buckets[index % len(buckets)]


def _fresh(
    spec: TaskSpec,
    split: Split,
    index: int,
    length: int,
    seed: int | None,
    shots: int | None,
    taken: set[str],
) -> Sample | None:
    """The first attempt at sample `index` whose content is not taken; None if there seems to be none.

    With this patience a content that is still free is overlooked about once in e**20 times.
    """
    seed = spec.seed if seed is None else seed
    patience = len(spec.pool) if spec.options.finite else _PATIENCE + 20 * len(taken)
    for attempt in range(patience):
        key = (seed, spec.name, split, index, attempt)
        sample = _attempt(spec, key, index + attempt, length, shots, taken)
        if sample is not None:
            return sample
    return None


def _attempt(
    spec: TaskSpec,
    key: tuple[int, str, str, int, int],
    number: int,
    length: int,
    shots: int | None,
    taken: Collection[str],
) -> Sample | None:
    options = spec.options
    question = options.draw(Turn(spec.pool, Stream(*key), length, number))
    text = spec.template.render(question.fields)
    own = _key(text)
    if own in taken:
        return None
    messages: list[Message] = []
    if shots is None:
        shots = options.icl_example_count
    if shots:
        messages = _examples(spec, Stream(*key, "examples"), length, shots, own, taken)
    messages.append({"role": "user", "content": text})
    form = getattr(options, "output_format", None)
    return Sample(
        sample_id=f"{spec.name}/{key[3]}",
        task=spec.name,
        category=options.category,
        index=key[3],
        messages=tuple(messages),
        answer=question.answer,
        gen_length=options.gen_length,
        metric=spec.metric,
        headline=options.headline,
        output_format=None if form is None else (form,) * question.items,
        metadata=question.metadata,
    )


def _examples(
    spec: TaskSpec, stream: Stream, length: int, shots: int, own: str, taken: Collection[str]
) -> list[Message]:
    """User and assistant turns of `shots` examples, all different, none of them the question itself.

    Contents already taken are avoided as well (no test question in a training prompt), unless the
    task has too few.
    """
    used = {own}
    messages: list[Message] = []
    for attempt in range(_PATIENCE):
        question = spec.options.draw(Turn(spec.pool, stream, length, stream.below(1 << 32)))
        text = spec.template.render(question.fields)
        key = _key(text)
        if key in used or question.target is None or (attempt < _PATIENCE // 2 and key in taken):
            continue
        used.add(key)
        _verify_worked(spec, question)
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": question.target}]
        if len(used) > shots:
            return messages
    raise UsageError(
        f"{spec.name}: no {shots} in-context examples that differ from the question; lower icl_example_count"
    )


def _verify_worked(spec: TaskSpec, question: Question) -> None:
    """A worked example must end in a right answer by the task's own metric."""
    if "worked" not in question.metadata or question.target is None:
        return
    ending = extract_answer(question.target, question.metadata["answer_marker"])
    values, _ = score_many(spec.metric, [ending], [question.answer], MetricTools())[0]
    if values["score"] != 1.0:
        raise UsageError(f"{spec.name}: a worked example ends in a wrong answer: {ending}")


def _key(question: str) -> str:
    return blake2b(question.encode(), digest_size=12).hexdigest()


def _require_room(spec: TaskSpec, split: Split, total: int) -> None:
    """Refuse at once what the task cannot give, where its different questions can be counted."""
    buckets = spec.options.buckets
    available = []
    for place, length in enumerate(buckets):
        room = spec.options.room(spec.pool, length)
        if room is not None and split == "test":
            available.append(room * len(buckets))
        elif room is not None:
            tested = sum(
                _length(spec, "test", index, spec.samples) == length for index in range(spec.samples)
            )
            available.append(max(0, room - tested) * len(buckets) + place)
    if available and min(available) < total:
        raise _exhausted(spec, split, min(available), total)


def _exhausted(spec: TaskSpec, split: Split, found: int, total: int) -> UsageError:
    wanted = f"{spec.name}: {total} different samples wanted"
    if split != "test" and not found:
        return UsageError(f"{wanted}, but its test split has all that there are; leave this task out")
    beyond = "" if split == "test" else " beyond the test split"
    return UsageError(f"{wanted}{beyond}, {found} are available; ask for at most {found}")
