"""Samples of a task: drawn one by one, each from its own key, none twice.

The randomness of a sample comes from (seed, task, split, index) and from nothing else. Samples of
the test split lie in blocks of equal length, shortest first; training samples take the lengths in
turn, so that a smaller training set is the beginning of a larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from hashlib import blake2b
from typing import Literal, NamedTuple

from pbench.errors import UsageError
from pbench.metrics import MetricTools, extract_answer, score_many
from pbench.records import Message, Sample
from pbench.tasks.sources import text_list
from pbench.tasks.spec import Question, TaskSpec, Turn
from pbench.tasks.stream import Stream

__all__ = [
    "Split",
    "content_key",
    "content_keys",
    "draw",
    "generate",
    "reference_text",
    "require_room",
]

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
    if not isinstance(answer, dict):
        return answer if isinstance(answer, str) else None
    examples = text_list(answer.get("examples"))
    known = (examples[0] if examples else None, answer.get("example"), answer.get("summary"))
    return next((text for text in known if isinstance(text, str)), None)


def generate(
    spec: TaskSpec,
    split: Split = "test",
    samples: int | None = None,
    seed: int | None = None,
    exclude: Collection[str] = frozenset(),
    shots: int | None = None,
) -> Iterator[Sample]:
    """Draw `samples` different samples (default: as many as the test split has).

    Nothing whose content key is in `exclude` is drawn, nor shown as an in-context example; a
    training split leaves out the task's own test split too. `seed` and `shots` (in-context
    examples) stand in for those of the task. UsageError when the task has no more to give, with
    the number that it gave.
    """
    total = spec.samples if samples is None else samples
    require_room(spec, split, samples)
    avoided = frozenset(exclude) if split == "test" else content_keys(spec) | frozenset(exclude)
    source = _source(spec, split, seed, shots, avoided)
    taken = set(avoided)
    for index in range(total):
        sample = _fresh(source, index, _length(spec, split, index, total), taken)
        if sample is None:
            raise _exhausted(spec, split, index, total)
        taken.add(content_key(sample))
        yield sample


def draw(
    spec: TaskSpec, index: int, split: Split = "train", seed: int | None = None, shots: int | None = None
) -> Sample:
    """Sample number `index` by itself: contents may repeat those of other indices and splits."""
    source = _source(spec, split, seed, shots, frozenset())
    return _sample(source, index, _draft(source, index, 0, _length(spec, "train", index, 0)))


class _Source(NamedTuple):
    """What all samples of one call have in common; `avoided` contents are not even examples."""

    spec: TaskSpec
    split: Split
    seed: int
    shots: int
    avoided: frozenset[str]


def _source(
    spec: TaskSpec, split: Split, seed: int | None, shots: int | None, avoided: frozenset[str]
) -> _Source:
    own_seed = spec.seed if seed is None else seed
    return _Source(spec, split, own_seed, spec.shots if shots is None else shots, avoided)


def _length(spec: TaskSpec, split: Split, index: int, total: int) -> int:
    buckets = spec.options.buckets
    if split == "test":
        return buckets[index * len(buckets) // total]
    return buckets[index % len(buckets)]


def _fresh(source: _Source, index: int, length: int, taken: Collection[str]) -> Sample | None:
    """The first attempt at sample `index` whose content is not taken; None if there seems to be none.

    With this patience a content that is still free is overlooked about once in e**20 times.
    """
    spec = source.spec
    bounded = spec.options.finite and not _invented(source)
    patience = len(spec.pool) if bounded else _PATIENCE + 20 * len(taken)
    for attempt in range(patience):
        draft = _draft(source, index, attempt, length)
        if _key(draft.text) not in taken:
            return _sample(source, index, draft)
    return None


def _invented(source: _Source) -> bool:
    return source.split == "train" and source.spec.options.invents


def _maker(source: _Source) -> Callable[[Turn], Question]:
    options = source.spec.options
    return options.draw_training if _invented(source) else options.draw


class _Draft(NamedTuple):
    """An attempt at a sample: the key of its randomness, its length, the question and its text."""

    key: tuple[str | int, ...]
    length: int
    question: Question
    text: str


def _draft(source: _Source, index: int, attempt: int, length: int) -> _Draft:
    spec = source.spec
    key = (source.seed, spec.name, source.split, index, attempt)
    question = _maker(source)(Turn(spec.pool, Stream(*key), length, index + attempt))
    return _Draft(key, length, question, spec.template.render(question.fields))


def _sample(source: _Source, index: int, draft: _Draft) -> Sample:
    spec, question = source.spec, draft.question
    examples = _examples(source, draft) if source.shots else ()
    form = getattr(spec.options, "output_format", None)
    return Sample(
        sample_id=f"{spec.name}/{index}",
        task=spec.name,
        category=spec.category,
        index=index,
        messages=(*examples, {"role": "user", "content": draft.text}),
        answer=question.answer,
        gen_length=spec.gen_length,
        metric=spec.metric,
        headline=spec.headline,
        output_format=None if form is None else (form,) * question.items,
        metadata=question.metadata,
    )


def _examples(source: _Source, draft: _Draft) -> list[Message]:
    """User and assistant turns of the examples, all different, none of them the question itself."""
    spec = source.spec
    stream = Stream(*draft.key, "examples")
    used = {_key(draft.text)}
    messages: list[Message] = []
    for _ in range(_PATIENCE):
        question = _maker(source)(Turn(spec.pool, stream, draft.length, stream.below(1 << 32)))
        asked = spec.template.render(question.fields)
        if question.target is None or _key(asked) in used or _key(asked) in source.avoided:
            continue
        used.add(_key(asked))
        _verify_worked(spec, question)
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": question.target}]
        if len(messages) == 2 * source.shots:
            return messages
    raise UsageError(
        f"{spec.name}: no {source.shots} in-context examples that differ from the question;"
        " lower icl_example_count"
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


def require_room(spec: TaskSpec, split: Split = "test", samples: int | None = None) -> None:
    """Refuse at once what the task cannot give, where its different questions can be counted.

    UsageError as `generate` raises it, before anything is drawn.
    """
    if split == "train" and spec.options.invents:
        return
    total = spec.samples if samples is None else samples
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
