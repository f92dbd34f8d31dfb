"""`pbench samplers list | show`: for people and as JSON."""

from __future__ import annotations

import orjson
import pytest

from pbench.cli import app as root
from pbench.samplers import SAMPLERS

root._register()


def test_list_names_every_sampler_with_its_options(capsys):
    assert root._run(["samplers", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == SAMPLERS.names()
    klass = next(line for line in lines if line.startswith("klass "))
    assert klass.split()[1:] == ["--gamma", "--kl-threshold", "--kl-history"]


def test_list_as_json_has_names_aliases_and_options(capsys):
    assert root._run(["samplers", "list", "--json"]) == 0
    entries = {each["name"]: each for each in orjson.loads(capsys.readouterr().out)["samplers"]}
    assert entries["entropy-bounded"]["aliases"][:2] == ["eb", "confidence-eb"]
    assert [option["name"] for option in entries["dynamic"]["options"]] == ["gamma", "min-gap"]


def test_show_says_rule_options_source_flags_and_checks(capsys):
    assert root._run(["samplers", "show", "dus"]) == 0
    shown = capsys.readouterr().out
    for words in (
        "dilated (also dus)",
        "One level of a fixed table a step",
        "--skip-threshold number >= 0, <= 1 (default 0.3):",
        "arXiv 2506.19037",
        "flags",
        "level tables written out by hand",
    ):
        assert words in shown


def test_show_as_json_is_the_card(capsys):
    assert root._run(["samplers", "show", "local_leap", "--json"]) == 0
    shown = orjson.loads(capsys.readouterr().out)
    assert shown["schema_version"] == 1
    assert {"name", "aliases", "rule", "options", "source", "checked", "flags", "needs"} <= set(shown)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_unknown_name_is_one_clear_error(capsys, form):
    assert root._run(["samplers", "show", "klas", *form]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean 'klass'" in captured.err
