"""Artificial generations with traces, scored by the real scorer: what the page and `trace` read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pbench.artifacts import write_artifact
from pbench.records import Generation, Sample, TraceEvent
from pbench.report.tokens import TokenTexts
from pbench.score import score_run
from tests.report.made import HASH, Run

PAD, MASK, EOS = 0, 1, 2
HOSTILE = (
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=2>",
    "\x1b[31m\u202e\u2028 &amp; {{ 7*7 }} | _ % =cmd()",
)
WORDS = {3: '["', 4: '", "', 5: '"]', 6: "Ada", 7: "Bob", 8: "Cy", **dict(enumerate(HOSTILE, 20))}
TOKENS = TokenTexts(WORDS, {PAD: "pad", MASK: "mask", EOS: "eos"})
TABLE = {
    "texts": {str(token): text for token, text in WORDS.items()},
    "special": {"mask": MASK, "eos": EOS, "pad": PAD},
}
RIGHT, SWAPPED = (3, 6, 4, 7, 5, EOS), (3, 7, 4, 6, 5, EOS)


def sample(index: int, task: str = "lists/copy", prompt: str | None = None) -> Sample:
    """Copy `["Ada", "Bob"]`, after one worked example."""
    return Sample(
        sample_id=f"{task}/{index}",
        task=task,
        category=task.split("/")[0],
        index=index,
        messages=(
            {"role": "user", "content": "an example"},
            {"role": "assistant", "content": '["Cy"]'},
            {"role": "user", "content": prompt or f'Copy number {index} of this list: ["Ada", "Bob"]'},
        ),
        answer=["Ada", "Bob"],
        gen_length=6,
        metric="list_match",
        headline="score",
    )


def generation(own: Sample, ids: Sequence[int] = RIGHT, k: int = 2, confidence: float = 0.9) -> Generation:
    """`ids` committed k at a time from left to right."""
    events = [TraceEvent(1 + i // k, i, token, confidence - i / 100, "commit") for i, token in enumerate(ids)]
    return traced(own, ids, events)


def remasked(own: Sample) -> Generation:
    """Position 1 gets Cy at step 1, is taken back at step 2 and gets Ada at step 4, the last."""
    events = [TraceEvent(1, i, token, 0.8, "commit") for i, token in ((0, 3), (1, 8), (2, 4), (3, 7))]
    events += [TraceEvent(2, 4, 5, 0.7, "commit"), TraceEvent(2, 1, 8, float("nan"), "remask")]
    events += [TraceEvent(3, 5, EOS, 0.99, "commit"), TraceEvent(4, 1, 6, 0.6, "commit")]
    return traced(own, RIGHT, events)


def traced(own: Sample, ids: Sequence[int], events: Sequence[TraceEvent]) -> Generation:
    """The generation whose positions without an event were given."""
    steps = [0] * len(ids)
    for event in events:
        steps[event.position] = 0 if event.event == "remask" else event.step
    content = ids.index(EOS) if EOS in ids else len(ids)
    return Generation(
        sample=own,
        status="ok",
        output_text="".join(WORDS.get(token, "?") for token in ids[:content]),
        output_ids=tuple(ids),
        gen_length=len(ids),
        block_length=len(ids),
        content_length=content,
        nfe=max(steps),
        commit_step=tuple(steps),
        trace=tuple(events),
        seconds=0.25,
    )


def write_run(path: Path, run: Run, rows: Sequence[Generation]) -> Path:
    """Write generations as decode does, score them, and return the generations' path."""
    tasks: dict[str, list[Generation]] = {}
    for row in rows:
        tasks.setdefault(row.sample.task, []).append(row)
    manifest = {
        "config_id": "0123456789",
        "identity": run.identity(),
        "data": dict.fromkeys(tasks, HASH),
        "tasks": {
            name: {
                "category": mine[0].sample.category,
                "metric": "list_match",
                "headline": "score",
                "samples": len(mine),
                "selected": len(mine),
                "done": sum(row.status != "error" for row in mine),
            }
            for name, mine in tasks.items()
        },
        "counts": {"ok": len(rows)},
        "status": "complete",
        "tokens": TABLE,
    }
    write_artifact(path, "generations", rows, manifest)
    score_run(path)
    return path
