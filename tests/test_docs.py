"""Docs and code name the same things, and the documented pipeline runs."""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbench.cli import app as root
from pbench.cli import commands
from pbench.models.diffusion_gemma import DiffusionGemmaOptions
from pbench.models.sedd import SeddOptions
from pbench.samplers import SAMPLERS, options_model
from tests import forks
from tests.cli.test_help import EVERY

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_OF_OTHERS = {"--help", "--array", "--gres", "--time", "--requeue", "--force-reinstall"}  # SLURM's, pip's


def test_the_command_page_names_every_command() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    for name in commands._MODULES:
        assert f"pbench {name}" in page


def test_the_sampler_page_names_every_sampler_alias_and_option() -> None:
    page = (ROOT / "docs" / "samplers.md").read_text()
    for name in SAMPLERS.names():
        cls = SAMPLERS.get(name)
        for word in (cls.name, *cls.aliases):
            assert f"`{word}`" in page
        for option in cls.Options.model_fields:
            assert f"`--{option.replace('_', '-')}`" in page


def test_pages_name_every_option_and_no_other() -> None:
    options = [
        parameter for _, command in EVERY for parameter in command.params if parameter.opts[0][0] == "-"
    ]
    flags = [{flag for flag in (*each.opts, *each.secondary_opts) if flag[:2] == "--"} for each in options]
    ours = set().union(*flags)
    of_samplers = {name for sampler in SAMPLERS.names() for name in options_model(sampler).model_fields}
    names = of_samplers | set(SeddOptions.model_fields) | set(DiffusionGemmaOptions.model_fields)
    ours |= {f"--{name.replace('_', '-')}" for name in names}
    named = {flag for page in PAGES for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", page.read_text())}
    assert named - ours <= _OF_OTHERS
    assert [sorted(of_one) for of_one in flags if not of_one & (named | {"--help"})] == []


def _anchors(page: Path) -> set[str]:
    """What headings are called in links: lower case, hyphens for spaces, no punctuation."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            found = page.parent / target if target else page
            assert found.exists(), target
            assert not anchor or anchor in _anchors(found), f"{target}#{anchor}"


def test_the_python_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # the text that a reader would copy
    assert capsys.readouterr().out == (
        "100% of 100 (96% to 100%)\n{'score': 1.0, 'score_strict': 1.0}\nwrong: []\n"
    )


_ASK = """#!{python} -IS
# Has `pbench` run in a fork of the process that has everything imported, on the streams of this one.
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", {port})) as asked:
    asked.sendall(json.dumps([os.getpid(), os.getcwd(), sys.argv[1:]]).encode() + b"\\n")
    sys.exit(int(asked.makefile().readline()))
"""


def _pbench(pid: int, folder: str, arguments: list[str]) -> None:
    """The command line in `folder`, on the streams of process `pid`."""
    os.chdir(folder)
    for number, mode in enumerate("rww"):
        os.dup2(os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY if mode == "r" else os.O_WRONLY), number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, closefd=False, encoding="utf-8") for number, mode in enumerate("rww")
    )
    sys.argv = ["pbench", *arguments]
    root.main()


class _Forks(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        process = forks.start(_pbench, *json.loads(self.rfile.readline()))
        process.join()
        self.wfile.write(f"{process.exitcode}\n".encode())


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Path]:
    """A program that does what `pbench` does, without importing it anew."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Forks) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        program = tmp_path / "pbench"
        program.write_text(_ASK.format(python=sys.executable, port=server.server_address[1]))
        program.chmod(0o755)
        try:
            yield program
        finally:
            server.shutdown()
            thread.join()


def test_the_documented_pipeline_runs_from_tasks_to_report(tmp_path: Path, command: Path) -> None:
    out = tmp_path / "demo"
    variables = [
        f"PBENCH={command} --quiet",
        f"OUT={out}",
        "TASKS=puzzle",
        f"RUNS={out}/runs/confidence-k32.parquet {out}/runs/threshold-gamma0.5.parquet",
    ]
    make = ["make", "-f", str(ROOT / "docs" / "pipeline.mk"), *variables]
    # Options of a `make` that runs these tests are for that one.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(make, capture_output=True, text=True, check=False, cwd=ROOT, env=outside)
    assert done.returncode == 0, done.stderr
    report = (out / "report" / "report.md").read_text()
    assert "sudoku" in report
    assert "<!doctype html>" in (out / "report" / "index.html").read_text()
    again = subprocess.run(make, capture_output=True, text=True, check=True, cwd=ROOT, env=outside)
    assert "decode" not in again.stdout
