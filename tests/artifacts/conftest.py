"""Small artifacts with a bit of everything, and a disk that is full when asked."""

from __future__ import annotations

import math
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pbench.records import Generation, Sample, Score, TraceEvent

ROOT = Path(__file__).parents[2]


def python(program: str, *arguments: object, **options: object) -> subprocess.Popen:
    """Start a program that may import pbench and tests."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)


def make_sample(index: int) -> Sample:
    return Sample(
        sample_id=f"lists/copy/{index}",
        task="lists/copy",
        category="waiting_line",
        index=index,
        messages=({"role": "user", "content": f"Copy ['a', 'b{index}'] 🙂\0"},),
        answer=["a", f"b{index}"],
        gen_length=4,
        metric="list_match",
        headline="score",
        metadata={"n": index},
    )


def make_generation(index: int, text: str = "['a']", **changes: object) -> Generation:
    events = tuple(TraceEvent(step, step - 1, 7, 0.5 if step > 1 else math.nan, "commit") for step in (1, 2))
    fields: dict = {"status": "ok", "gen_length": 4, "trace": events, "commit_step": (1, 2, 0, 0), "nfe": 2}
    return Generation(sample=make_sample(index), output_text=text, **(fields | changes))


def make_score(index: int) -> Score:
    return Score(
        sample_id=f"lists/copy/{index}",
        task="lists/copy",
        category="waiting_line",
        index=index,
        status="ok",
        output_text="['a']",
        metric="list_match",
        headline="score",
        metric_version="1",
        values={"score": 0.5, "grammar_score": None},
        reasons={"grammar_score": "no checker"},
    )


MAKERS = {"samples": make_sample, "generations": make_generation, "scores": make_score}


@contextmanager
def _full_disk(limit_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """`with full_disk(n):` no file can grow beyond n bytes (the write fails with EFBIG)."""
    return _full_disk
