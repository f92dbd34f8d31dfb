from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.decode.grid import Cell, Grid, TaskInfo, expand, only
from pbench.decode.sweep_file import SweepFile, load_sweep
from pbench.errors import ConfigError, UsageError
from pbench.tasks import load_suite

SHIPPED = Path(__file__).parents[2] / "task_configs" / "sweeps"
SWEEPS = sorted(SHIPPED.glob("*.yaml"))
HERE = Path("made.yaml")
TASKS = {
    "lists": [TaskInfo("lists/copy", "waiting_line", 32), TaskInfo("lists/sort", "waiting_line", 32)],
    "texts": [TaskInfo("texts/sum", "text_writing", 64)],
}


def made(**matrix):
    base = {"model": "tiny", "sampler": [{"name": "confidence", "k": [1, 2]}]}
    rules = {key: matrix.pop(key) for key in ("include", "exclude") if key in matrix}
    return SweepFile.model_validate({"tasks": ["lists", "texts"], "matrix": base | matrix, **rules})


def shipped(path: Path) -> Grid:
    sweep = load_sweep(path)
    matrices = [*sweep.matrix, *sweep.include]
    names = {*sweep.tasks, *(name for matrix in matrices for name in matrix.tasks or ())}
    infos = {
        name: [TaskInfo(spec.name, spec.category, spec.gen_length) for spec in load_suite(name).tasks]
        for name in names
    }
    return expand(sweep, infos, path)


def pairs(grid: Grid) -> Counter:
    return Counter((cell.model, task) for cell in grid.runs for task in cell.tasks)


def test_the_papers_grid_has_2823_configurations_a_model():
    grid = shipped(SHIPPED / "paper_benchmark.yaml")
    counts = pairs(grid)
    for model in ("llada", "llada-1.5", "dream", "diffucoder"):
        mine = {task: number for (name, task), number in counts.items() if name == model}
        assert sum(mine.values()) == 2823
        assert Counter(mine.values()) == {150: 10, 189: 7}
        assert {task for task, number in mine.items() if number == 150} == {
            spec.name for spec in load_suite("benchmark").tasks if spec.gen_length == 32
        }
    assert grid.pairs == 4 * 2823


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_shipped_sweep_expands(path):
    grid = shipped(path)
    settings = [
        tuple(sorted((key, str(value)) for key, value in cell.settings.items())) for cell in grid.runs
    ]
    assert len(set(settings)) == len(settings) > 1
    assert load_sweep(path).description


def test_the_leaderboard_has_eleven_samplers():
    assert len({cell.sampler for cell in shipped(SHIPPED / "leaderboard_2026.yaml").runs}) == 11


def test_what_lengths_do_not_allow_is_left_out_with_its_reason():
    grid = expand(made(block_length=[1, 64]), TASKS, HERE)
    assert pairs(grid) == {("tiny", "lists/copy"): 1, ("tiny", "lists/sort"): 1, ("tiny", "texts/sum"): 3}
    assert grid.left_out["--block-length 64 does not divide gen_length 32"] == 4
    assert any(reason.startswith("--k 2 is more than the block holds") for reason in grid.left_out)


def test_gen_length_by_category():
    grid = expand(made(gen_length={"text_writing": 128}), TASKS, HERE)
    lengths = {(cell.gen_length, cell.tasks) for cell in grid.runs}
    assert lengths == {(128, ("texts/sum",)), (None, ("lists/copy", "lists/sort"))}


def test_a_matrix_may_be_for_some_tasks_only():
    grid = expand(made(tasks=["texts"]), TASKS, HERE)
    assert {cell.tasks for cell in grid.runs} == {("texts/sum",)}


def test_include_adds_and_exclude_takes_away():
    more = [{"model": "tiny", "sampler": [{"name": "threshold", "gamma": 0.9}], "block_length": 8}]
    grid = expand(
        made(block_length=["full", 8], include=more, exclude=[{"k": 2, "block_length": [8]}]), TASKS, HERE
    )
    found = {(cell.sampler, *cell.options.values(), cell.block_length) for cell in grid.runs}
    assert found == {
        ("confidence", 1, None),
        ("confidence", 2, None),
        ("confidence", 1, 8),
        ("threshold", 0.9, 8),
    }


def test_the_same_run_twice_is_one():
    again = [{"model": "tiny", "sampler": [{"name": "confidence", "k": 1}], "tasks": ["texts"]}]
    assert len(expand(made(include=again), TASKS, HERE).runs) == 2


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        (made(exclude=[{"kk": 1}]), r"exclude: unknown key 'kk' \(did you mean 'k'"),
        (made(exclude=[{"k": 3}]), "matches no combination"),
        (made(exclude=[{"sampler": "confidence"}]), "grid is empty: exclude"),
        (made(block_length=[7]), "matrix: nothing of it can be run: --block-length 7"),
    ],
)
def test_contradictions_are_errors(sweep, words):
    with pytest.raises(ConfigError, match=words):
        expand(sweep, TASKS, HERE)


def test_samplers_take_turns_and_models_do_not():
    grid = expand(
        made(model=["a", "b"], sampler=[{"name": ["confidence", "random"], "k": [1, 2, 4, 8]}]), TASKS, HERE
    )
    assert [cell.model for cell in grid.runs] == ["a"] * 8 + ["b"] * 8
    assert [cell.sampler for cell in grid.runs] == ["confidence", "random"] * 8
    first = [cell.options["k"] for cell in grid.runs[:8] if cell.sampler == "random"]
    assert sorted(first) == [1, 2, 4, 8]
    assert first != sorted(first)


@given(values=st.lists(st.integers(1, 16), min_size=1, max_size=16, unique=True))
def test_adding_a_value_changes_no_other_run(values):
    small = expand(made(sampler=[{"name": "confidence", "k": values[:1]}]), TASKS, HERE)
    large = expand(made(sampler=[{"name": "confidence", "k": values}]), TASKS, HERE)
    assert {repr(cell) for cell in small.runs} <= {repr(cell) for cell in large.runs}
    assert len(large.runs) == len(values)


def test_only_selects():
    grid = expand(
        made(sampler=[{"name": "threshold", "gamma": [0.5, 0.9]}, {"name": "random", "k": 1}]), TASKS, HERE
    )

    def left(expression: str) -> list[Cell]:
        return only(grid, expression).runs

    assert [cell.options for cell in left("sampler=threshold,gamma=0.90")] == [{"gamma": 0.9}]
    assert len(left("sampler=*")) == 3
    assert {cell.tasks for cell in left("task=texts")} == {("texts/sum",)}
    assert {cell.tasks for cell in left("task=*/copy")} == {("lists/copy",)}
    with pytest.raises(UsageError, match="gamme"):
        left("gamme=0.5")
    with pytest.raises(UsageError, match="leaves none of the 3 runs"):
        left("gamma=0.7")
