"""Registries: names, aliases, and third parties' plug-ins that work or do not."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from pbench.errors import UsageError
from pbench.plugins import Registry


def registry(monkeypatch, *points: EntryPoint) -> Registry[object]:
    monkeypatch.setattr("pbench.plugins.entry_points", lambda group: list(points))
    mine: Registry[object] = Registry("thing", "pbench.things", ())
    mine.add("own-thing", "alias")("own")
    return mine


def test_names_aliases_and_spellings(monkeypatch):
    mine = registry(monkeypatch)
    assert mine.names() == ["own-thing"]
    assert mine.get("own-thing") == mine.get("own_thing") == mine.get("alias") == "own"
    with pytest.raises(UsageError, match="did you mean 'own-thing'"):
        mine.get("own-thinG")
    with pytest.raises(ValueError, match="twice"):
        mine.add("alias")("again")


def test_a_foreign_plugin_is_loaded_by_name_and_a_broken_one_hurts_nobody_else(monkeypatch):
    good = EntryPoint("good", "math:pi", "pbench.things")
    bad = EntryPoint("bad", "no_such_module_at_all:x", "pbench.things")
    mine = registry(monkeypatch, good, bad)
    assert mine.names() == ["own-thing", "good", "bad"]
    assert mine.broken == {}
    with pytest.raises(UsageError, match="no_such_module_at_all"):
        mine.get("bad")
    assert "bad" in mine.broken
    assert mine.get("good") == pytest.approx(3.14159, abs=1e-5)
