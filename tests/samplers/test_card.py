"""Cards: every sampler says what it does, where it is from and what it was checked against."""

from __future__ import annotations

import re

import pytest

from pbench.samplers import SAMPLERS
from pbench.samplers.card import card


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_every_sampler_says_its_rule_source_and_checks(name):
    found = card(name)
    assert found["name"] == name
    assert re.search(r"arXiv \d{4}\.\d{5}|Source: ", found["source"] + " ")
    assert found["checked"].startswith("Checked against ")
    assert "Checked against" not in found["source"]
    assert 30 < len(found["rule"]) < 420
    assert len(re.findall(r"\.(?=\s|$)", found["rule"])) <= 3
    for option in found["options"]:
        assert option["description"]
        assert option["range"] or option["type"] in ("choice", "text")


def test_options_have_kinds_ranges_and_defaults():
    options = {option["name"]: option for option in card("threshold")["options"]}
    assert list(options) == ["gamma", "score", "comparison", "min-gap"]
    assert options["gamma"] == {
        "name": "gamma",
        "type": "number",
        "range": ">= 0, <= 2",
        "choices": None,
        "default": None,
        "required": True,
        "description": "commit where the score passes gamma; above 1: one a step",
    }
    assert (options["score"]["choices"], options["score"]["default"]) == (
        ["confidence", "margin"],
        "confidence",
    )
    assert (options["min-gap"]["type"], options["min-gap"]["range"]) == ("integer", ">= 1, <= 65536")


def test_flags_are_what_a_sampler_may_do():
    assert card("origin")["flags"] == ["may_idle"]
    assert card("confidence")["flags"] == []
    assert "verifier" in card("apd")["flags"]


def test_every_option_but_the_swept_one_has_a_default():
    required = {
        name: [option["name"] for option in card(name)["options"] if option["required"]]
        for name in SAMPLERS.names()
    }
    assert all(len(options) <= 1 for options in required.values())
    assert required["klass"] == ["gamma"]
    assert required["dilated"] == required["credit"] == []


# As published; see docs/samplers.md for the sources. What is not named here has no default but None.
DEFAULTS = {
    "apd": {"window": 16, "lookahead": 100},
    "confidence": {"selection-temperature": 0.0},
    "credit": {"gamma": 0.9, "alpha": 0.7, "beta": 0.8, "power": 0.2},
    "dilated": {"skip-threshold": 0.3, "base": 2},
    "hierarchical": {"low-gamma": 0.6},
    "joint-threshold": {"edit-gamma": 0.9},
    "klass": {"kl-threshold": 0.01, "kl-history": 2},
    "local-leap": {"relaxed-gamma": 0.75, "radius": 4},
    "pc": {"decay": 0.25, "clip": 10.0},
    "rcr": {"running": "max"},
    "remdm": {"remask-number": 1},
    "slowfast": {"cycle-threshold": 0.3, "exploration-steps": 6, "window": 2},
    "threshold": {"score": "confidence", "comparison": "ge"},
    "wino": {"gamma-back": 0.9},
}


@pytest.mark.parametrize("name", SAMPLERS.names())
def test_defaults_are_the_published_ones(name):
    found = {each["name"]: each["default"] for each in card(name)["options"] if each["default"] is not None}
    drawn = ("entropy", "left-to-right", "margin")
    assert found == DEFAULTS.get("confidence" if name in drawn else name, {})
