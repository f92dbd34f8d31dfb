"""The exception tree drawn on top of errors.py is the tree there is."""

from __future__ import annotations

from pbench import errors


def test_exit_codes_and_all() -> None:
    codes = {
        "PbenchError": 1,
        "UsageError": 2,
        "ConfigError": 2,
        "SamplesFailedError": 3,
        "ArtifactError": 4,
        "LockedError": 5,
    }
    for name, code in codes.items():
        assert getattr(errors, name).exit_code == code
        assert name in errors.__all__
    assert all(hasattr(errors, name) for name in errors.__all__)


def test_hints() -> None:
    assert errors.nearest("treshold", ["threshold", "factor"]) == " (did you mean 'threshold'?)"
    assert errors.nearest("zzz", ["threshold"]) == ""
    assert str(errors.ConfigError("bad", path="a.yaml", line=3)) == "a.yaml:3: bad"
    assert "known: a, b" in str(errors.unknown_name("thing", "q", ["b", "a"]))
