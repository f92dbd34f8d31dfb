"""Sending a finished report: to a stand-in that writes down what it gets, and to trackers that fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import orjson
import pytest

from pbench.cli import app as root
from pbench.errors import UsageError
from pbench.report import tracker
from pbench.report.payload import payload
from pbench.report.wandb_sender import curve_rows, pbx_rows, point_rows
from pbench.report.write import write_folder
from tests.report.conftest import report_of

if not root.app.registered_commands:
    root._register()

STAND_IN = """
    import json, os, pathlib

    class _Run:
        url = None
        def __init__(self, given):
            self.dir, self.got = given["dir"] + "/wandb/run/files", {"init": given}
        def log(self, values):
            self.got["log"] = values
        def log_artifact(self, artifact):
            self.got["files"] = artifact
        def finish(self):
            pathlib.Path(os.environ["GOT"]).write_text(json.dumps(self.got))

    def init(**given):
        FAILURE
        given.pop("settings")
        return _Run(given)

    def Settings(**given):
        return given

    def Table(columns, data, allow_mixed_types):
        return {"columns": columns, "data": data}

    def Html(text, inject):
        return text[:200]

    class Artifact(list):
        def __init__(self, name, type):
            super().__init__()
        def add_file(self, path):
            self.append(pathlib.Path(path).name)
"""


@pytest.fixture(scope="module")
def written(plain, tmp_path_factory) -> Path:
    return write_folder(report_of(plain), tmp_path_factory.mktemp("written") / "report").parent


@pytest.fixture
def folder(written, tmp_path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "report"))


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a package `wandb` that fails as told before the real one; what it gets is in the path returned."""

    def make(failure: str = "pass") -> Path:
        package = tmp_path / "stand-in"
        package.mkdir(exist_ok=True)
        source = textwrap.dedent(STAND_IN).replace("FAILURE", failure)
        (package / "wandb.py").write_text(source)
        got = tmp_path / "got.json"
        monkeypatch.setenv("PYTHONPATH", f"{package}{os.pathsep}{Path(__file__).parents[2]}")
        monkeypatch.setenv("GOT", str(got))
        monkeypatch.syspath_prepend(package)
        return got

    return make


def test_tables_curves_and_files_arrive(folder, stand_in, monkeypatch):
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    got = stand_in()
    assert tracker.send(folder) == str(folder / "wandb" / "run")
    sent = json.loads(got.read_text())
    assert sent["init"]["project"] == "pbench"
    assert sent["init"]["config"] == {"suite": "lists", "models": ["tiny"]}
    report = orjson.loads((folder / "report.json").read_bytes())
    curves = [
        dict(zip(sent["log"]["curves"]["columns"], row, strict=True)) for row in sent["log"]["curves"]["data"]
    ]
    assert len(curves) == len(report["points"]) * 3  # two tasks and their mean
    (one,) = [row for row in curves if row["setting"] == "k=4" and row["task"] == "lists/shuffle"]
    assert (one["score"], one["tokens_per_step"], one["n"]) == (0.6, 4.0, 20)
    assert one["low"] < 0.6 < one["high"]
    (mean,) = [row for row in curves if row["setting"] == "gamma=0.9" and row["task"] == "mean over tasks"]
    assert mean["score"] == pytest.approx(0.975)
    assert sent["log"]["pbx"]["columns"] == [
        "model",
        "sampler",
        "definition",
        "PB90",
        "PB80",
        "PB75",
        "PB70",
        "PB60",
    ]
    assert ["tiny", "threshold", "measured"] in [row[:3] for row in sent["log"]["pbx"]["data"]]
    assert len(sent["log"]["points"]["data"]) == 12
    assert "<svg" in sent["log"]["picture"]
    assert sent["files"] == sorted(p.name for p in folder.iterdir() if p.is_file())


def test_the_rows_of_any_report_can_be_made(any_hostile, tmp_path):
    folder = write_folder(any_hostile, tmp_path / "report").parent
    report = orjson.loads((folder / "report.json").read_bytes())
    assert report == orjson.loads(orjson.dumps(payload(any_hostile)))
    for columns, rows in (curve_rows(report), pbx_rows(report), point_rows(folder)):
        assert rows
        assert {len(row) for row in rows} == {len(columns)}


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("raise ConnectionError('the server\\n is gone')", "the server is gone"),
        ("raise SystemExit(3)", "exit code 3"),
        ("os._exit(7)", "exit code 7"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_a_broken_tracker_is_one_line(folder, stand_in, failure, words):
    stand_in(failure)
    with pytest.raises(tracker.TrackerError) as found:
        tracker.send(folder)
    assert words in str(found.value)
    assert "\n" not in str(found.value)


def test_a_tracker_that_hangs_is_ended(folder, stand_in, tmp_path):
    mark = tmp_path / "pid"
    stand_in(f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); __import__('time').sleep(600)")
    seconds = 1
    while not (mark.exists() and mark.read_text()):  # on a slow machine it needs longer to begin at all
        with pytest.raises(tracker.TrackerError, match=f"no answer within {seconds} s"):
            tracker.send(folder, limit_seconds=float(seconds))
        seconds *= 2
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_the_command_writes_the_report_and_warns(plain, stand_in, tmp_path, capsys):
    stand_in("raise ConnectionError('no route')")
    out = tmp_path / "out"
    assert root._run(["report", str(plain), "--out", str(out), "--log-to", "wandb"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(out / "report.md")
    assert "wandb has not got the report: no route" in " ".join(said.err.split())
    assert (out / "report.json").is_file()


@pytest.mark.parametrize("arguments", [[], ["--out", "a.md"], ["--out", "a", "--format", "html"], ["--json"]])
def test_it_sends_a_folder_alone(plain, arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert root._run(["report", str(plain), "--log-to", "wandb", *arguments]) == 2
    assert "give --out DIR" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tracker, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'pbench\[track\]'"):
        tracker.require("wandb")


@pytest.mark.skipif(find_spec("wandb") is None, reason="needs wandb, of the extra `track`")
def test_the_real_package_offline(folder, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_DIR", raising=False)
    where = Path(tracker.send(folder))
    assert where.parent == folder / "wandb"
    assert list(where.glob("*.wandb"))


@pytest.mark.skipif(find_spec("wandb") is None, reason="needs wandb, of the extra `track`")
def test_the_real_package_without_a_key(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(tracker.TrackerError, match="API key"):
        tracker.send(folder)


def test_the_report_alone_never_imports_the_tracker(plain):
    program = (
        "import sys; from pbench.cli import app; app._register();"
        "code = app._run(['--quiet', 'report', sys.argv[1]]); sys.exit(code or 'wandb' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(plain)], capture_output=True, cwd=Path(__file__).parents[2]
    )
    assert found.returncode == 0
