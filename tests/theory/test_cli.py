import subprocess
import sys

import orjson
import pytest

from pbench.cli import app as root
from pbench.cli import console

if not root.app.registered_commands:
    root._register()


@pytest.fixture
def run(capsys):
    def call(*arguments, code=0):
        assert root._run(["theory", *arguments]) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return call


def test_table1_as_json(run):
    payload = orjson.loads(run("table1", "--n", "10", "--json"))
    assert payload["schema_version"] == console.SCHEMA_VERSION
    assert payload["n"] == 10
    rows = {row["task"]: row for row in payload["rows"]}
    assert rows["shuffle"]["limit"] is None
    assert rows["replace_random"]["topk"] == {"1": 1.0, "2": 0.5, "n": 0.0}
    assert {"gamma", "accuracy"} == set(rows["copy"]["threshold"][0])
    assert "check" not in payload


def test_table1_in_all_forms(run):
    assert "### n = 3, greedy" in run("table1", "--n", "3", "--format", "markdown")
    assert run("table1", "--n", "3", "--format", "md") == run("table1", "--n", "3", "--format", "markdown")
    text = run("table1", "--n", "3", "--gamma", "0.5,0.75")
    assert "44.4" in text
    assert "22.2" in text
    assert "γ = 0.75" in text


def test_table1_needs_no_torch():
    code = (
        "import sys\nfrom pbench.cli import app\napp._register()\n"
        "assert app._run(['theory', 'table1', '--json']) == 0\n"
        "assert not {'torch', 'altair', 'pyarrow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_table1_checked(run):
    payload = orjson.loads(
        run("table1", "--n", "3", "--gamma", "0.9", "--check", "--samples", "40", "--json")
    )
    assert payload["coverage"]["cells"] == len(payload["check"]) == 44
    assert payload["coverage"]["inside"] >= 36
    assert all(one["samples"] == 40 for one in payload["check"])
    fixed = [one for one in payload["check"] if "k" in one["options"]]
    assert all(one["enumerated"] == pytest.approx(one["closed"], abs=1e-9) for one in fixed)


def test_bounds(run):
    payload = orjson.loads(run("bounds", "--task", "shuffle", "--n", "4", "--k", "1,2", "--check", "--json"))
    (task,) = payload["tasks"]
    assert [one["sizes"] for one in task["schedules"]] == [[1, 1, 1, 1], [2, 2]]
    assert task["check"]["largest"] < 1e-9
    assert task["check"]["partitions"] == 75
    text = run("bounds", "--task", "latin_square_n3")
    assert "best partition into T steps" in text
    assert "step sizes" in run("bounds", "--sizes", "5,5", "--k", "10")


def test_the_city(run):
    text = run("bounds", "--example", "city")
    for word in ("New City", "no such answer", "C(Y|X)"):
        assert word in text
    payload = orjson.loads(run("bounds", "--example", "city", "--json"))
    assert payload["total_correlation"] == pytest.approx(1)
    assert payload["one_step_accuracy"] == pytest.approx(0.5)


def test_simulate_writes_a_page_with_pictures(run, tmp_path):
    out = tmp_path / "sim"
    arguments = ("--n", "2,3", "--gamma", "0.9", "--threshold-n", "3", "--samples", "20", "--workers", "1")
    printed = run("simulate", *arguments, "--out", str(out))
    assert printed.strip() == str(out / "simulate.md")
    assert "simulate.svg" in (out / "simulate.md").read_text()
    data = orjson.loads((out / "simulate.json").read_bytes())
    assert data["coverage"]["cells"] == len(data["check"])
    assert {path.name for path in out.iterdir()} == {
        f"simulate.{ending}" for ending in ("md", "svg", "png", "vl.json", "json")
    }
    same = orjson.loads(run("simulate", *arguments, "--json"))
    assert same["check"] == data["check"]  # the seed says everything


def test_league(run):
    arguments = ("--n", "3", "--samples", "5", "--sampler", "confidence", "--workers", "1")
    payload = orjson.loads(run("league", *arguments, "--json"))
    assert [one["sampler"] for one in payload["standings"]] == ["confidence"]
    assert "tokens/step" in run("league", *arguments)


def test_schedule_of_a_recorded_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    decode = ["decode", "--k", "32", "--tasks", "copy,remove_random", "--limit", "3", "--out", "run.parquet"]
    assert root._run(decode) == 0
    run("table1")
    payload = orjson.loads(run("schedule", "run.parquet", "--json"))
    copied, removed = payload["runs"][0]["tasks"]
    assert (copied["ideal"], copied["bits"]) == (1.0, 0.0)
    assert removed["n"] == 3
    assert removed["bits"] > 1  # names of two tokens, all in one step
    assert "reached" in run("schedule", "run.parquet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table1", "--n", "0"), "n = 1 to 256"),
        (("table1", "--samples", "5"), "give --check, too"),
        (("table1", "--gamma", "x"), "--gamma 'x': numbers with commas"),
        (("bounds", "--task", "shuffled"), "did you mean 'shuffle'"),
        (("bounds", "--task", "shuffle", "--n", "30", "--check"), "enumeration goes to n = 8"),
        (("bounds", "--example", "town"), "known: city"),
        (("bounds", "--example", "city", "--n", "3"), "--example stands alone"),
        (("bounds", "--k", "11"), "k is 1 to 10"),
        (("bounds", "--sizes", "3,3"), "add up to 6"),
        (("bounds", "--n", "257"), "n up to 256"),
        (("simulate", "--n", "6,0", "--samples", "1"), "n = 1 to 256"),
        (("simulate", "--n", "6", "--threshold-n", "999", "--samples", "1"), "n = 1 to 256"),
        (("simulate", "--gamma", "-1", "--samples", "1"), "a threshold is 0 to 2"),
        (("league", "--n", "99"), "3 to 15 items"),
        (("league", "--sampler", "nobody"), "unknown sampler"),
        (("league", "--temperature", "1e9", "--samples", "1"), "must be 0, or between"),
    ],
)
def test_bad_input_says_what_is_possible(run, arguments, message):
    said = run(*arguments, code=2)
    assert message in said
    assert "minutes" not in said  # what takes long is announced after the options are found right


def test_a_file_that_is_no_run(run, tmp_path):
    assert "no such file" in run("schedule", str(tmp_path / "x.parquet"), code=4)
