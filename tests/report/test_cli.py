"""The command: streams, formats, files, refusals."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pbench.cli import report as command
from pbench.errors import ArtifactError, UsageError
from tests.report.made import Run, write_scores, zeros_and_ones

LISTS = ("copy", "reverse", "sort", "insert_index", "remove_index", "replace_index")
RANDOM = ("insert_random", "remove_random", "replace_random", "shuffle")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "runs"
    for k in (1, 8):
        tasks = {f"waiting_line/{name}": zeros_and_ones(10, 10, nfe=32 // k) for name in LISTS}
        tasks |= {f"waiting_line/{name}": zeros_and_ones(10 // k, 10, nfe=32 // k) for name in RANDOM}
        write_scores(folder / f"k{k}.scores.parquet", Run(options=(("k", k),)), tasks)
    return folder


@pytest.fixture
def call():
    app = typer.Typer(rich_markup_mode=None)
    command.register(app)
    app.command("other")(lambda: None)

    def run(*words, stdin=""):
        result = CliRunner().invoke(app, ["report", *map(str, words)], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_table_on_stdout(call, runs):
    result = call(runs, "--suite", "waiting_line")
    assert result.exit_code == 0
    assert "tiny · confidence: percent" in result.stdout
    assert "PB90" in result.stdout
    assert result.stderr == ""


def test_json_on_stdout(call, runs):
    found = json.loads(call(runs, "--json", "--suite", "waiting_line").stdout)
    assert found["pbx"][0]["measured"]["90"] == 1.0
    assert [point["complete"] for point in found["points"]] == [True, True]


def test_default_suite_is_the_benchmark_and_others_are_suggested(call, runs):
    result = call(runs, "--json")
    found = json.loads(result.stdout)
    assert found["suite"]["name"] == "benchmark"
    assert len(found["points"][0]["lacks"]) == 7
    assert "waiting_line: use --suite" in result.stderr


def test_default_folder_is_runs(call, runs, monkeypatch):
    monkeypatch.chdir(runs.parent)
    assert "PB90" in call().stdout


def test_paths_on_stdin(call, runs):
    found = json.loads(call("-", "--json", stdin=f"{runs / 'k1.scores.parquet'}\n\n").stdout)
    assert len(found["points"]) == 1
    with pytest.raises(UsageError, match="stdin"):
        call("-")


def test_folder_with_page_pictures_and_data(call, runs, tmp_path):
    out = tmp_path / "deep" / "report"
    result = call(runs, "--suite", "waiting_line", "--out", out)
    assert result.stdout == f"{out / 'report.md'}\n"
    assert {path.name for path in out.iterdir()} == {
        "report.md",
        "curves.svg",
        "curves.png",
        "curves.vl.json",
        "points.csv",
        "report.json",
    }
    page = (out / "report.md").read_text()
    assert page.startswith("# Parallel decoding report: tiny\n\n- ")
    assert "](curves.svg)" in page
    lead = page.partition("![")[0].strip().splitlines()[2:]
    assert 3 <= len(lead) <= 5
    assert json.loads((out / "report.json").read_text())["points"]


@pytest.mark.parametrize(
    ("name", "words", "begins"),
    [
        ("x.md", (), "# Parallel"),
        ("x.csv", (), "model,"),
        ("x.tex", (), "% needs"),
        ("x.json", (), "{"),
        ("x.html", (), "<!doctype html>"),
        ("x.txt", (), "tiny · confidence"),
        ("x.dat", ("--format", "csv"), "model,"),
        ("x.txt", ("--json",), "{"),
    ],
)
def test_one_file(call, runs, tmp_path, name, words, begins):
    target = tmp_path / name
    assert call(runs, "--out", target, *words).stdout == f"{target}\n"
    assert target.read_text().startswith(begins)
    assert "](curves.svg)" not in target.read_text()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_other_formats_in_a_folder(call, runs, tmp_path):
    assert call(runs, "--out", tmp_path, "--format", "csv").stdout == f"{tmp_path / 'points.csv'}\n"
    assert call(runs, "--out", tmp_path, "--format", "html").stdout == f"{tmp_path / 'index.html'}\n"


def test_limits_of_the_page(call, runs):
    few = call(runs, "--format", "html", "--samples", 1).stdout
    found = json.loads(few.split('id="data">')[1].split("</script>")[0])
    assert len(found["browser"]["samples"]) == 10
    assert found["browser"]["sample_count"] == 100
    with pytest.raises(UsageError, match="are for --format html"):
        call(runs, "--traces", 1)


def test_plots(call, runs, tmp_path, monkeypatch):
    monkeypatch.setattr("pbench.report.charts.png", lambda _chart: b"drawn elsewhere")
    result = call(runs, "--plots", tmp_path, "--format", "csv")
    assert result.stdout.startswith("model,")
    assert {path.name for path in tmp_path.iterdir()} == {"curves.svg", "curves.png", "curves.vl.json"}


def test_unfinished_runs_are_warned_of(call, tmp_path):
    write_scores(
        tmp_path / "a.parquet", Run(run_status="running"), {"waiting_line/copy": zeros_and_ones(1, 2)}
    )
    result = call(tmp_path)
    assert result.exit_code == 0
    assert "warning: tiny · confidence · k=4 is incomplete: running: " in result.stderr
    assert "k=4 *" in result.stdout


def test_force(call, tmp_path):
    for number, checker in enumerate((("harper", "1"), ("languagetool", "6"))):
        run = Run(checker=checker, options=(("k", number + 1),))
        write_scores(tmp_path / f"{number}.parquet", run, {"waiting_line/copy": zeros_and_ones(1, 2)})
    with pytest.raises(UsageError, match=r"grammar checker: harper 1 in .*; languagetool 6 in "):
        call(tmp_path)
    result = call(tmp_path, "--force")
    assert "warning: compared although they differ in grammar checker" in result.stderr
    assert "grammar checker=harper 1" in result.stdout


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("--suite", "wating_line"), UsageError, "did you mean 'waiting_line'"),
        (("--json", "--format", "md"), UsageError, "exclude each other"),
        (("--out", "x.pdf"), UsageError, "x.pdf: no format has this ending"),
    ],
)
def test_wrong_usage(call, runs, words, error, message):
    with pytest.raises(error, match=message):
        call(runs, *words)


@pytest.mark.parametrize("word", ["xml", "SITE"])
def test_formats_that_are_not_offered(call, runs, word):
    assert call(runs, "--format", word).exit_code == 2


def test_missing_empty_and_corrupt(call, tmp_path):
    with pytest.raises(ArtifactError, match="no such file"):
        call(tmp_path / "none")
    with pytest.raises(ArtifactError, match="pbench score"):
        call(tmp_path)
    path = write_scores(tmp_path / "bad.scores.parquet", Run(), {"waiting_line/copy": zeros_and_ones(5, 10)})
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF  # inside the first page: only reading the rows can tell
    path.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match=r"bad\.scores\.parquet"):
        call(tmp_path)


def test_no_model_library_is_imported(runs):
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from pbench.report.build import *; "
        "from pbench.report.points import SuiteTasks; from pbench.report.write import render; "
        "files, notes = load_comparable([Path(sys.argv[1])]); "
        "render(build_report(files, SuiteTasks('s', ('waiting_line/copy',)), 'default', notes), 'md'); "
        "assert not {'torch', 'transformers', 'altair', 'pandas'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(runs)], check=True, cwd=root)
