from pathlib import Path

import pytest

from pbench.artifacts import write_artifact
from pbench.errors import ArtifactError, UsageError
from pbench.records import Generation, Sample, TraceEvent
from pbench.theory.runs import run_bounds
from pbench.theory.sheets import run_sheet

IDENTITY = {
    "model": {"name": "oracle", "family": "oracle"},
    "sampler": {"name": "threshold", "given": {"gamma": 0.9}},
    "temperature": 0.0,
    "top_p": None,
    "top_k": None,
}


def answer(index, metric, reference, words, steps, task="g/shuffle", **changes):
    items = reference["input"]
    ids = tuple(3 + items.index(word) for word in words)
    sample = Sample(
        sample_id=f"{task}/{index}", task=task, category="c", index=index, messages=(), answer=reference,
        gen_length=len(ids), metric=metric, headline="score", metadata={},
    )  # fmt: skip
    trace = tuple(
        TraceEvent(step, place, ids[place], 0.5, changes.get("event", "commit"))
        for place, step in enumerate(steps)
    )
    return Generation(
        sample=sample, status="ok", output_text='["' + '", "'.join(words) + '"]', output_ids=ids,
        gen_length=len(ids), commit_step=tuple(steps), trace=trace,
    )  # fmt: skip


ABC = {"input": ["A", "B", "C"]}


def write(tmp_path, rows, **identity):
    return write_artifact(
        tmp_path / "run.parquet", "generations", rows, {"identity": IDENTITY | identity, "status": "complete"}
    )


def test_a_run_beside_its_own_schedules(tmp_path):
    rows = [
        answer(0, "list_shuffle", ABC, "BCA", [1, 1, 1]),
        answer(1, "list_shuffle", ABC, "BBA", [1, 1, 1]),
        answer(2, "list_shuffle", ABC, "CAB", [1, 2, 3]),
        answer(3, "list_shuffle", ABC, "CAB", [1, 2, 3], event="edit"),
        answer(0, "list_random_remove", ABC, "AB", [1, 2], task="g/remove"),
    ]
    run = run_bounds(write(tmp_path, rows))
    removed, shuffled = run.tasks
    assert (run.model, run.sampler, run.temperature) == ("oracle", "threshold gamma=0.9", 0.0)
    assert removed.reached.mean == removed.ideal == 1
    assert shuffled.n == 3
    assert shuffled.reached.mean == pytest.approx(2 / 3)
    # greedy, the own place ruled out: 2 of the 8 ways are orders
    assert shuffled.ideal == pytest.approx((1 / 4 + 1 / 4 + 1) / 3)
    assert shuffled.way_ideal == pytest.approx(shuffled.ideal)
    assert shuffled.ratio == pytest.approx((2 / 3) / shuffled.way_ideal)
    assert shuffled.steps == pytest.approx(5 / 3)
    assert shuffled.left_out == {"tokens were taken back or replaced, so its steps are no partition": 1}
    payload = run.payload()["tasks"][1]
    assert payload["n"] == 3
    assert 0 <= payload["ci95"][0] <= payload["reached"] <= payload["ci95"][1] <= 1
    assert "g/shuffle" in run_sheet(run).rows[1]


def test_a_task_without_bounds_has_no_numbers(tmp_path):
    run = run_bounds(write(tmp_path, [answer(0, "list_shuffle", ABC, "CAB", [0, 1, 1])]))
    (task,) = run.tasks
    assert (task.n, task.reached, task.ratio) == (0, None, None)
    assert list(task.left_out) == ["a token that the question leaves open was given"]
    assert run_sheet(run).rows[0][3] == "–"


def test_cut_proposals_are_refused(tmp_path):
    path = write(tmp_path, [answer(0, "list_shuffle", ABC, "CAB", [1, 1, 1])], top_p=0.9)
    with pytest.raises(UsageError, match="decoded with top_p"):
        run_bounds(path)


def test_an_unknown_model_asks_for_its_name(tmp_path):
    model = {"name": "nobody", "family": "pbench_tiny"}
    path = write(tmp_path, [answer(0, "list_shuffle", ABC, "CAB", [1, 1, 1])], model=model)
    with pytest.raises(UsageError, match="name the model by --model"):
        run_bounds(path)


def test_a_missing_run(tmp_path):
    with pytest.raises(ArtifactError, match="no such file"):
        run_bounds(Path(tmp_path / "none.parquet"))
