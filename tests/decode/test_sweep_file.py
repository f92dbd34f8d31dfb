from pathlib import Path

import pytest

from pbench.decode.sweep_file import load_sweep, measured, sampler_choices
from pbench.errors import ConfigError, UsageError

GOOD = """\
tasks: [waiting_line]
matrix:
  model: tiny
  sampler:
    - name: [random, confidence]
      k: [1, 2]
    - name: threshold
      gamma: 0.9
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    return path


def test_single_values_stand_for_lists_of_one(tmp_path):
    (matrix,) = load_sweep(written(tmp_path, GOOD)).matrix
    assert matrix.model == ["tiny"]
    assert matrix.block_length == ["full"]
    choices = [choice for entry in matrix.sampler for choice in sampler_choices(entry)]
    assert choices == [
        ("random", {"k": 1}),
        ("random", {"k": 2}),
        ("confidence", {"k": 1}),
        ("confidence", {"k": 2}),
        ("threshold", {"gamma": 0.9}),
    ]


def test_no_sampler_is_a_choice_of_its_own(tmp_path):
    (matrix,) = load_sweep(
        written(tmp_path, "tasks: [a]\nmatrix:\n  model: haiku\n  sampler: null\n  gen_length: 1024\n")
    ).matrix
    assert [sampler_choices(entry) for entry in matrix.sampler] == [[(None, {})]]
    assert matrix.gen_length == [1024]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("model: tiny", "modelx: tiny", r"sweep.yaml:3: .*unknown key.*model"),
        ("threshold", "thresholdx", r"sweep.yaml:7: .*threshold"),
        ("gamma: 0.9", "gama: 0.9", r"sweep.yaml:7: .*gamma"),
        ("gamma: 0.9", "gamma: nine", r"sweep.yaml:7: .*gamma"),
        ("k: [1, 2]", "k: [1, 0]", r"sweep.yaml:5: .*k"),
        ("k: [1, 2]", "k: []", r"sweep.yaml:5: .*empty"),
        ("model: tiny", "model: []", r"sweep.yaml:3: .*nothing"),
        ("- name: threshold", "- title: threshold", r"sweep.yaml:7: .*name"),
        ("model: tiny", "model: tiny\n  cache: warm", r"sweep.yaml:4: .*cache"),
        ("model: tiny", "model: tiny\n  block_length: half", r"sweep.yaml:4: .*block_length"),
        ("tasks: [waiting_line]", "tasks: []", "sweep.yaml:1: tasks"),
        ("tasks: [waiting_line]", "tasks: [waiting_line]\nlimit: true", r"sweep.yaml:2: limit"),
        ("tasks: [waiting_line]", "tasks: [waiting_line]\nlimit: '2'", r"sweep.yaml:2: limit"),
        ("name: threshold", "name: 3", r"sweep.yaml:7: .*3 is no sampler's name"),
        ("name: threshold", "name: null", r"sweep.yaml:7: .*None is no sampler's name"),
        ("k: [1, 2]", "k: true", r"sweep.yaml:5: .*k: "),
        ("k: [1, 2]", "k: null", r"sweep.yaml:5: .*k"),
        ("model: tiny", "model: tiny\n  block_length: [8, -4]", r"sweep.yaml:4: .*-4 .*from 1 on, or full"),
        ("model: tiny", "model: tiny\n  block_length: true", r"sweep.yaml:4: .*True .*from 1 on, or full"),
        ("model: tiny", "model: tiny\n  gen_length: 0", r"sweep.yaml:4: .*gen_length: 0 must"),
        ("model: tiny", "model: tiny\n  gen_length: {a: -3}", r"sweep.yaml:4: .*gen_length: -3 must"),
        ("model: tiny", "model: tiny\n  temperature: -1", r"sweep.yaml:4: .*temperature"),
        ("model: tiny", "model: tiny\n  seed: 99999999999999999999", r"sweep.yaml:4: .*seed"),
        ("model: tiny", "model: tiny\n  seed: '3'", r"sweep.yaml:4: .*seed"),
        ("model: tiny", "model: tiny\n  infill: no", r"sweep.yaml:4: .*infill"),
        ("model: tiny", "model: tiny\n  labels: {'': x}", r"sweep.yaml:4: .*labels: write names"),
        ("model: tiny", "model: tiny\n  labels: {a: [x]}", r"sweep.yaml:4: .*labels: write names"),
        ("model: tiny", "model: tiny\n  measure_gap: [true]", r"sweep.yaml:4: .*measure_gap"),
        ("model: tiny", "model: tiny\n  measure_gap: true\n  cache: [none, dual]", "measure_gap: .*cache"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, words):
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=words):
        load_sweep(path)


def test_the_gap_is_asked_for_by_matrix_or_for_all(tmp_path):
    found = load_sweep(written(tmp_path, GOOD.replace("model: tiny", "model: tiny\n  measure_gap: true")))
    assert [matrix.measure_gap for matrix in found.matrix] == [True]
    found = load_sweep(written(tmp_path, GOOD))
    assert [matrix.measure_gap for matrix in found.matrix] == [False]
    assert (
        measured(found).model_dump()
        == load_sweep(
            written(tmp_path, GOOD.replace("model: tiny", "model: tiny\n  measure_gap: true"))
        ).model_dump()
    )


def test_a_gap_that_cannot_be_measured_is_refused(tmp_path):
    cached = load_sweep(written(tmp_path, GOOD.replace("model: tiny", "model: tiny\n  cache: prefix")))
    with pytest.raises(UsageError, match=r"--measure-gap: .*cache"):
        measured(cached)
    generator = load_sweep(written(tmp_path, "tasks: [a]\nmatrix:\n  model: haiku\n  sampler: null\n"))
    with pytest.raises(UsageError, match=r"--measure-gap: .*no steps"):
        measured(generator)


TOO_MANY = """\
tasks: [waiting_line]
matrix:
  - model: tiny
    sampler: [{name: confidence, k: 1}]
  - model: [tiny, oracle]
    sampler:
      - name: [confidence, margin]
        k: [1, 2, 3]
      - {name: random, k: 1}
    seed: SEEDS
    temperature: [0.5, 1.0]
"""


def seeds(tmp_path: Path, count: int) -> Path:
    return written(tmp_path, TOO_MANY.replace("SEEDS", str(list(range(count)))))


def test_more_combinations_than_anybody_means_are_refused_before_they_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr("pbench.decode.sweep_file.MOST_COMBINATIONS", 28 * 40)
    assert len(load_sweep(seeds(tmp_path, 40)).matrix) == 2
    made = []
    monkeypatch.setattr(
        "pbench.decode.sweep_file.sampler_choices", lambda entry: made.append(entry) or [(None, {})]
    )
    with pytest.raises(ConfigError) as error:
        load_sweep(seeds(tmp_path, 41))
    said = str(error.value)
    assert "sweep.yaml:5" in said
    assert "1,148 combinations, of which at most 1,120 can be planned" in said
    assert "longest: seed (41), sampler (7), model (2)" in said
    assert made == [{"name": "confidence", "k": 1}]  # of the matrix before


def test_a_million_combinations_are_the_bound(tmp_path):
    wide = TOO_MANY.replace("SEEDS", str(list(range(300)))).replace("[0.5, 1.0]", str(list(range(250))))
    with pytest.raises(ConfigError, match=r"1,050,000 combinations.*seed \(300\), temperature \(250\)"):
        load_sweep(written(tmp_path, wide))
