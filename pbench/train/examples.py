"""What a model is fine-tuned on: prompts with one right answer each, kept apart from every test split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import torch
from torch import Tensor

from pbench.decode.context import check_context
from pbench.errors import ArtifactError, UsageError
from pbench.interfaces import Context, Denoiser
from pbench.records import Sample
from pbench.tasks import TaskSpec, content_key, content_keys, generate, reference_text, resolve

__all__ = ["Batch", "Example", "check", "encode", "from_file", "from_tasks"]


@dataclass(frozen=True, slots=True)
class Example:
    """A question as the model is asked it, and the text that it is to answer."""

    sample: Sample
    answer: str


@dataclass(frozen=True, slots=True)
class Batch:
    """R prompts of token ids, and answers [R, G] filled up with EOS."""

    prompts: list[list[int]]
    answers: Tensor


def from_tasks(
    names: Sequence[str], samples: int, validation: int, gen_length: int | None
) -> tuple[list[Example], list[Example]]:
    """`samples` training and `validation` other examples of each task, from its training generator.

    UsageError for a task that has no right answers, or too few samples beyond its test split.
    """
    training, held_out = [], []
    for spec in resolve(names):
        drawn = [_example(one, gen_length) for one in generate(spec, "train", samples + validation)]
        training += drawn[:samples]
        held_out += drawn[samples:]
    return training, held_out


def from_file(
    path: Path, names: Sequence[str], validation: int, gen_length: int | None
) -> tuple[list[Example], list[Example]]:
    """Examples of a file of `tasks export --format sft`; its last `validation` lines are held out.

    Contents may not be those of the test split of any task that the file or `names` name: UsageError.
    A line without a task that pbench knows needs `gen_length`.
    """
    lines = [_line(line, f"{path}:{number}") for number, line in enumerate(_lines(path), 1)]
    if not lines:
        raise UsageError(f"{path}: has no examples")
    if len(lines) <= validation:
        raise UsageError(f"{path}: has {len(lines)} examples; {validation} are to be held out of them")
    known = _known([*names, *(task for _, _, task in lines if task)])
    examples = [
        Example(_sample(*line, number, known, gen_length), line[1]) for number, line in enumerate(lines)
    ]
    _refuse_overlap(examples, known.values(), path)
    return examples[: len(examples) - validation], examples[len(examples) - validation :]


def encode(denoiser: Denoiser, examples: Sequence[Example]) -> Batch:
    """Token ids of examples that share one gen_length.

    UsageError where an answer is longer than that, or the model cannot read or write an example.
    """
    length = examples[0].sample.gen_length
    rows = []
    for example in examples:
        ids = denoiser.encode_text(example.answer)
        if len(ids) > length:
            raise UsageError(
                f"{example.sample.sample_id}: the right answer has {len(ids)} tokens of {denoiser.name},"
                f" more than gen_length {length}; give a larger --gen-length"
            )
        rows.append(ids + [denoiser.eos_token_id] * (length - len(ids)))
    return Batch([denoiser.encode(example.sample) for example in examples], torch.tensor(rows))


def check(denoiser: Denoiser, examples: Sequence[Example]) -> None:
    """UsageError if any example cannot be encoded or is longer than the model's context, before a step."""
    for example in examples:
        encode(denoiser, [example])
    samples = [example.sample for example in examples]
    check_context(denoiser.name, denoiser.encode, Context(denoiser.capabilities.max_length), samples)


def _example(sample: Sample, gen_length: int | None) -> Example:
    text = reference_text(sample)
    if text is None:
        raise UsageError(f"{sample.sample_id}: the task knows no right answer to learn from; leave it out")
    return Example(sample if gen_length is None else replace(sample, gen_length=gen_length), text)


Line = tuple[tuple[dict[str, str], ...], str, str | None]


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}") from None


def _line(line: bytes, where: str) -> Line:
    """Prompt messages, answer and task of a line; ArtifactError for what is no such line."""
    try:
        row = orjson.loads(line)
        prompt = tuple({"role": str(m["role"]), "content": str(m["content"])} for m in row["prompt"])
        (answer,) = row["completion"]
        task = row.get("task")
        if not prompt or prompt[-1]["role"] != "user":
            raise ValueError("the prompt must end in a turn of the user")
        return prompt, str(answer["content"]), task if isinstance(task, str) else None
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{where}: is no line of `pbench tasks export --format sft`: {error!r}") from None


def _known(names: Iterable[str]) -> dict[str, TaskSpec]:
    """The tasks of these names that pbench ships; names of a user's own tasks are none of them."""
    found: dict[str, TaskSpec] = {}
    for name in dict.fromkeys(names):
        try:
            found |= {spec.name: spec for spec in resolve([name])}
        except UsageError:
            continue
    return found


def _sample(
    prompt: tuple[dict[str, str], ...],
    answer: str,
    task: str | None,
    number: int,
    known: dict[str, TaskSpec],
    gen_length: int | None,
) -> Sample:
    spec = known.get(task or "")
    length = gen_length or (spec.gen_length if spec else None)
    if length is None:
        raise UsageError(f"example {number + 1}: task {task!r} is not known here; give --gen-length")
    return Sample(
        sample_id=f"{task or 'own'}/{number}",
        task=task or "own",
        category=spec.category if spec else "own",
        index=number,
        messages=prompt,  # type: ignore[arg-type]
        answer=answer,
        gen_length=length,
        metric=spec.metric if spec else "",
        headline=spec.headline if spec else "",
    )


def _refuse_overlap(examples: Sequence[Example], specs: Iterable[TaskSpec], path: Path) -> None:
    for spec in specs:
        tested = content_keys(spec)
        shared = [number for number, one in enumerate(examples, 1) if content_key(one.sample) in tested]
        if shared:
            raise UsageError(
                f"{path}: {len(shared)} examples stand in the test split of {spec.name} (the first is line"
                f" {shared[0]}); train on `pbench tasks export --split train` instead"
            )
