"""Export samples for fine-tuning: JSONL lines of a prompt and the right answer to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from pbench.artifacts.files import atomic_file
from pbench.errors import UsageError
from pbench.records import Sample
from pbench.tasks.generate import Split, generate, reference_text
from pbench.tasks.spec import TaskSpec

__all__ = ["export_sft"]


def export_sft(specs: Sequence[TaskSpec], out: Path, split: Split, samples: int | None = None) -> Path:
    """Write `{"prompt": [messages], "completion": [message], "task", "sample_id"}`, one a line.

    Tasks take turns, so that the beginning of the file has all of them. Raises UsageError where a
    task has too few samples or no right answers to learn from.
    """
    with atomic_file(out) as file:
        for sample in _in_turn([generate(spec, split, samples) for spec in specs]):
            file.write(orjson.dumps(_line(sample)) + b"\n")
    return out


def _in_turn(streams: list[Iterator[Sample]]) -> Iterator[Sample]:
    while streams:
        left = []
        for stream in streams:
            for sample in stream:
                yield sample
                left.append(stream)
                break
        streams = left


def _line(sample: Sample) -> dict[str, Any]:
    target = reference_text(sample)
    if target is None:
        raise UsageError(f"{sample.sample_id}: the task knows no right answer to learn from; leave it out")
    return {
        "prompt": sample.messages,
        "completion": [{"role": "assistant", "content": target}],
        "task": sample.task,
        "sample_id": sample.sample_id,
    }
