"""Docs and code name the same things, and the documented pipeline runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pbench.cli import commands
from pbench.models.diffusion_gemma import DiffusionGemmaOptions
from pbench.models.sedd import SeddOptions
from pbench.samplers import SAMPLERS, options_model
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


def test_the_documented_pipeline_runs_from_tasks_to_report(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    variables = [
        f"PBENCH={sys.executable} -m pbench --quiet",
        f"OUT={out}",
        f"RUNS={out}/runs/confidence-k32.parquet {out}/runs/threshold-gamma0.5.parquet",
    ]
    command = ["make", "-f", str(ROOT / "docs" / "pipeline.mk"), *variables]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    report = (out / "report" / "report.md").read_text()
    assert "shuffle" in report
    again = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "decode" not in again.stdout
