from __future__ import annotations

import pytest

from pbench.artifacts import difference


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({}, {}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b: 1 -> 2"]),
        ({"z": 1, "a": 1}, {"z": 2, "a": 2}, ["a: 1 -> 2", "z: 1 -> 2"]),
        ({"a": None}, {}, ["a: null -> (absent)"]),
        ({}, {"a": {"b": 1}}, ['a: (absent) -> {"b":1}']),
        ({"a": "(absent)"}, {}, ['a: "(absent)" -> (absent)']),
        ({"a": {}}, {"a": None}, ["a: {} -> null"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a: [1,2] -> [1]"]),
        ({"a": [1, 2]}, {"a": (1, 2)}, []),
        ({"a": 1}, {"a": 1.0}, ["a: 1 -> 1.0"]),
        ({"a": [1]}, {"a": [True]}, ["a: [1] -> [true]"]),
        ({"a": 1}, {"a": True}, ["a: 1 -> true"]),
        ({"a": "x\n"}, {"a": "y"}, ['a: "x\\n" -> "y"']),
        ({"a": "\ud800"}, {"a": "y"}, ['a: "\ufffd" -> "y"']),
    ],
)
def test_difference(old: dict, new: dict, lines: list[str]) -> None:
    assert difference(old, new) == lines


def test_long_values_are_cut() -> None:
    (line,) = difference({"a": "x" * 1000}, {"a": 1})
    assert len(line) < 110
    assert line.endswith("... -> 1")
