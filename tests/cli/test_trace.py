"""`pbench trace`: the replay on stdout, remarks on stderr, refusals."""

import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from pbench.cli import trace as command
from pbench.errors import ArtifactError, UsageError
from tests.report.made import Run, write_scores, zeros_and_ones
from tests.report.made_traces import SWAPPED, generation, remasked, sample, traced, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trace")
    rows = [traced(sample(0), SWAPPED, []), generation(sample(1)), remasked(sample(2))]
    rows[0] = replace(rows[0], trace=None, nfe=None)
    write_run(folder / "a.parquet", Run(options=(("k", 2),)), rows)
    write_run(folder / "b.parquet", Run(options=(("k", 6),)), [generation(sample(1), SWAPPED, k=6)])
    return folder


@pytest.fixture
def call():
    app = typer.Typer(rich_markup_mode=None)
    command.register(app)
    app.command("other")(lambda: None)

    def run(*words):
        result = CliRunner().invoke(app, ["trace", *map(str, words)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_the_first_sample_that_can_be_replayed(call, folder):
    result = call(folder / "a.parquet")
    assert result.stdout.startswith("lists/copy/1 · tiny · confidence · k=2 · 6 positions in 3 steps")
    assert "step 0/3" in result.stdout
    assert '  ["Ada", "Bob«"]»·' in result.stdout.replace("«·»", "·")
    assert "the first sample with a trace" in result.stderr


@pytest.mark.parametrize("name", ["a.parquet", "a.scores.parquet"])
def test_a_sample_by_the_end_of_its_name(call, folder, name):
    result = call(folder / name, "copy/2")
    assert "took back 1 'Cy'" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_one_step(call, folder):
    text = call(folder / "a.parquet", "copy/1", "--step", 2).stdout
    assert "step 2/3" in text
    assert "step 1/3" not in text
    with pytest.raises(UsageError, match="--step 4: this answer took 3 steps"):
        call(folder / "a.parquet", "copy/1", "--step", 4)


def test_every_other_step_and_always_the_last(call, folder):
    result = call(folder / "a.parquet", "copy/1", "--every", 2)
    assert [f"step {n}/3" in result.stdout for n in range(4)] == [True, False, True, True]
    assert "every 2. of 3 steps; --every 1 shows all" in result.stderr


def test_two_runs(call, folder):
    text = call(folder / "a.parquet", "copy/1", "--beside", folder / "b.parquet").stdout
    assert text.index("k=2") < text.index("k=6")
    with pytest.raises(UsageError, match=r"b\.parquet: has no sample 'copy/2'"):
        call(folder / "a.parquet", "copy/2", "--beside", folder / "b.parquet")


def test_an_answer_without_a_trace(call, folder):
    assert "no trace: " in call(folder / "a.parquet", "copy/0").stdout


def test_no_trace_at_all(call, tmp_path):
    row = replace(generation(sample(0)), trace=None)
    with pytest.raises(UsageError, match="no row has a trace"):
        call(write_run(tmp_path / "api.parquet", Run(sampler=None), [row]))


def test_json(call, folder):
    data = json.loads(call(folder / "a.parquet", "copy/2", "--json").stdout)
    assert data["schema_version"] == 1
    (found,) = data["traces"]
    assert found["sample_id"] == "lists/copy/2"
    assert [step["step"] for step in found["steps"]] == [0, 1, 2, 3, 4]


def test_html(call, folder, tmp_path):
    target = tmp_path / "deep" / "viewer.html"
    result = call(folder / "a.parquet", "copy/1", "--beside", folder / "b.parquet", "--html", target)
    assert result.stdout == f"{target}\n"
    page = target.read_text()
    assert page.startswith("<!doctype html>")
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert [len(traces) for traces in data["browser"]["traces"]] == [1, 1]
    with pytest.raises(UsageError, match="exclude each other"):
        call(folder / "a.parquet", "--html", target, "--json")


def test_bad_input(call, folder, tmp_path):
    with pytest.raises(ArtifactError, match="there is no such file"):
        call(tmp_path / "none.parquet")
    with pytest.raises(ArtifactError, match="is a folder"):
        call(folder)
    alone = write_scores(tmp_path / "alone.scores.parquet", Run(), {"lists/copy": zeros_and_ones(1, 1)})
    with pytest.raises(ArtifactError, match="are not there"):
        call(alone)


def test_no_model_library_is_imported(folder):
    import subprocess
    import sys
    from pathlib import Path

    code = (
        "import sys; from pathlib import Path; from pbench.report.page_runs import run_of_file; "
        "from pbench.report.html import trace_page; from pbench.report.browser import Limits; "
        "trace_page([run_of_file(Path(sys.argv[1]), None)], Limits()); "
        "assert not {'torch', 'transformers', 'altair', 'pandas'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(folder / "a.parquet")], check=True, cwd=root)
