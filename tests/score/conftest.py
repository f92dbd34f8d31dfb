"""Generations to score: a small run of list and text rows with every status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pbench.artifacts import write_artifact
from pbench.records import Generation, Sample

COPY = '["Ann Lee", "Bob Ray"]'


def generation(
    index: int,
    output: str = COPY,
    *,
    task: str = "waiting_line/copy",
    metric: str = "list_match",
    headline: str = "score",
    answer: Any = COPY,
    status: Any = "ok",
    metadata: dict[str, Any] | None = None,
) -> Generation:
    sample = Sample(
        sample_id=f"{task}/{index}",
        task=task,
        category="waiting_line",
        index=index,
        messages=({"role": "user", "content": "Copy the list."},),
        answer=answer,
        gen_length=32,
        metric=metric,
        headline=headline,
        metadata=metadata or {},
    )
    failed = status == "error"
    return Generation(
        sample=sample,
        status=status,
        output_text=output,
        error_kind="nan_logits" if failed else None,
        error="NaN in the logits of step 3" if failed else None,
        gen_length=32,
        block_length=32,
        content_length=20,
        nfe=8,
        query_tokens=512,
        seconds=0.25,
    )


def manifest(tasks: dict[str, str], status: str = "complete") -> dict[str, Any]:
    return {
        "config_id": "0123456789",
        "identity": {"model": {"name": "fake", "family": "fake"}, "sampler": None},
        "tasks": {task: {"category": "waiting_line", "metric": metric} for task, metric in tasks.items()},
        "status": status,
    }


Write = Callable[..., Path]


@pytest.fixture
def write_run(tmp_path: Path) -> Write:
    """(name, rows, status) -> a generations file in tmp_path."""

    def write(name: str, rows: Sequence[Generation], status: str = "complete") -> Path:
        tasks = {row.sample.task: row.sample.metric for row in rows}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_artifact(path, "generations", rows, manifest(tasks, status))

    return write


@pytest.fixture
def list_rows() -> list[Generation]:
    return [
        generation(0),
        generation(1, "Ann Lee, Bob Ray"),
        generation(2, "no idea"),
        generation(3, "", status="empty"),
        generation(4, "I cannot do that.", status="refusal"),
        generation(5, COPY[:-1], status="truncated"),
        generation(6, "", status="error"),
    ]
