"""The league: every sampler plays, and its numbers are what can be worked out by hand."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from pbench.cli import app as root
from pbench.errors import UsageError
from pbench.samplers import SAMPLERS
from pbench.theory import league as module
from pbench.theory.league import LEAGUE_TASKS, OPEN_TASKS, SWEEPS, league
from pbench.theory.league_sheets import league_sheets

if not root.app.registered_commands:
    root._register()


@pytest.fixture(scope="module")
def small():
    return league(6, 30, samplers=("confidence", "threshold", "apd"))


def points(found, sampler):
    [standing] = [one for one in found.standings if one.sampler == sampler]
    return {point.setting: point for point in standing.points}


def test_one_token_a_step_is_right_and_costs_all_steps(small):
    point = points(small, "confidence")["k=1"]
    assert point.accuracy.mean == 1.0
    assert point.tokens_per_step == pytest.approx(1.0)
    assert point.fixed == (1.0, 1.0)
    assert point.bound == pytest.approx(1.0)


def test_two_a_step_by_the_closed_forms(small):
    found = points(small, "confidence")["k=2"].outcomes
    assert found["remove_random"].right.all()
    assert found["insert_random"].positions == 7
    assert set(found["shuffle"].nfe) == {3}
    assert 0.1 < found["shuffle"].right.mean() < 0.6  # 5/16
    assert all(found[task].right.all() for task in LEAGUE_TASKS if task not in OPEN_TASKS)


def test_the_bound_is_that_of_the_best_partition(small):
    bounds = points(small, "confidence")["k=2"].bounds
    # Three steps for six items: of all sizes 3, 2, 1 cost least, less than 2, 2, 2.
    assert bounds["shuffle"][0] == pytest.approx(720 / (6**3 * 3**2))
    assert bounds["replace_random"][0] <= 1.0


def test_a_verifier_of_exact_conditionals_is_always_right_where_it_has_a_say(small):
    found = points(small, "apd")
    assert found["mixture=0"].accuracy.mean == 1.0
    assert found["mixture=0.5"].tokens_per_step > 1.2
    assert found["mixture=1"].outcomes["shuffle"].right.mean() < 0.2


def test_the_optimum_of_a_sample_is_its_fastest_right_setting(small):
    for standing in small.standings:
        best = max(point.accuracy.mean for point in standing.points)
        assert standing.optimum >= best
        if standing.gap is not None:
            assert standing.gap >= 1.0
    threshold = next(one for one in small.standings if one.sampler == "threshold")
    assert threshold.optimum == 1.0
    assert threshold.gap is not None


def test_what_cannot_play_is_left_out_with_a_reason():
    found = league(5, 4, samplers=("confidence",))
    assert list(found.left_out) == ["confidence k=8"]
    assert "--k 8" in found.left_out["confidence k=8"]


def test_every_sampler_has_a_sweep_and_plays(monkeypatch):
    assert set(SWEEPS) == set(SAMPLERS.names())
    monkeypatch.setattr(module, "SWEEPS", {name: sweep[1:2] for name, sweep in SWEEPS.items()})
    monkeypatch.setattr(module, "LEAGUE_TASKS", ("copy", *OPEN_TASKS))
    found = league(5, 2)
    assert [one.sampler for one in found.standings] == SAMPLERS.names()
    assert not found.left_out


def test_payload_is_json_and_sheets_name_all(small):
    payload = json.loads(json.dumps(small.payload()))
    assert [one["sampler"] for one in payload["standings"]] == ["confidence", "threshold", "apd"]
    first = payload["standings"][0]["points"][0]
    assert first["tasks"]["shuffle"]["n"] == 30
    assert first["ci95"][0] < first["accuracy"] <= first["ci95"][1]
    standings, settings = league_sheets(small)
    assert {row[0] for row in standings.rows} == {"confidence", "threshold", "apd"}
    assert standings.rows[0][0] == "apd"  # right everywhere at the highest speed
    assert len(settings.rows) == sum(len(one["points"]) for one in payload["standings"])
    for sheet in (standings, settings):
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)


@pytest.mark.parametrize("n", [2, 16])
def test_lists_too_short_or_too_long(n):
    with pytest.raises(UsageError, match="3 to 15"):
        league(n, 1)


def test_unknown_samplers_list_the_known():
    with pytest.raises(UsageError, match="known: "):
        league(5, 1, samplers=("confidense",))


BROKEN = EntryPoint("bad-plugin", "no_such_module_at_all:Sampler", "pbench.samplers")


@pytest.fixture
def broken_plugin(monkeypatch):
    monkeypatch.setattr(SAMPLERS, "_foreign", {"bad-plugin": BROKEN})
    monkeypatch.setattr(SAMPLERS, "broken", {})
    monkeypatch.setattr(SAMPLERS, "names", lambda: ["confidence", "bad-plugin"])


def test_a_broken_plugin_is_left_out_unless_it_was_asked_for(broken_plugin):
    found = league(4, 2)
    assert [standing.sampler for standing in found.standings] == ["confidence"]
    assert "no_such_module_at_all" in found.left_out["bad-plugin"]
    with pytest.raises(UsageError, match="bad-plugin"):
        league(4, 2, samplers=("bad-plugin",))


def test_the_command_warns_of_it(broken_plugin, capsys):
    assert root._run(["theory", "league", "--n", "4", "--samples", "2", "--workers", "1"]) == 0
    said = capsys.readouterr()
    assert "confidence" in said.out
    assert said.err.count("bad-plugin") == 1
    assert "warning: left out: sampler 'bad-plugin'" in said.err
