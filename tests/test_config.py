"""Strict YAML: every mistake is one error with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.config import Strict, canonical_json, config_id, content_hash, load_yaml, validate_options
from pbench.errors import ConfigError, UsageError


class Inner(Strict):
    size: int
    names: list[str] = []  # noqa: RUF012 - pydantic copies defaults


class Outer(Strict):
    inner: Inner
    rate: float = 1.0
    word: str = "x"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_yaml_is_version_1_2(tmp_path):
    loaded = load_yaml(write(tmp_path, "inner: {size: 3}\nrate: 1e-3\nword: no\n"), Outer)
    assert (loaded.inner.size, loaded.rate, loaded.word) == (3, 0.001, "no")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("inner: {size: 3}\nrat: 2\n", 2, "did you mean 'rate'"),
        ("inner:\n  size: 3\n  siez: 4\n", 3, "did you mean 'size'"),
        ("inner:\n  size: three\n", 2, "inner.size"),
        ("rate: 2\n", 1, "'inner' is missing"),
        ("inner: {size: 3}\ninner: {size: 4}\n", 2, "twice"),
        ("inner: {size: 3}\nword: !!python/name:os.system x\n", 2, "tag"),
        ("inner: {size: 3}\nword: !mine x\n", 2, "tag"),
        ("inner: &a {size: 3}\nrate: *a\n", 1, "alias"),
        ("inner: {size: 3\n", None, "bad YAML"),
        ("inner: {size: 3}\n3: 4\n", 2, "not text"),
        ("- a\n- b\n", 1, "mapping"),
        ("", None, "empty"),
        ("# nothing\n", None, "empty"),
        (b"\xff\xfe\x00", None, "UTF-8"),
        ("a: " * 3 + "\n", None, "bad YAML"),
        ("[" * 1000, None, "bad YAML"),
        ("inner: {size: 3}\nrate: .inf\n", 2, "rate"),
    ],
)
def test_mistakes_have_a_file_and_a_line(tmp_path, text, line, words):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_yaml(path, Outer)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)
    if line is not None:
        assert caught.value.line == line


def test_a_billion_laughs_are_refused_at_once(tmp_path):
    text = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    with pytest.raises(ConfigError, match="alias"):
        load_yaml(write(tmp_path, text), Outer)


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_yaml(path, Outer)


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_a_config_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("yaml") / "any.yaml"
    path.write_bytes(text.encode("utf-8", "replace"))
    with pytest.raises(ConfigError):
        load_yaml(path, Outer)


def test_canonical_json_does_not_depend_on_order_and_refuses_nan():
    assert canonical_json({"b": 1, "a": [1.5, "ü"]}) == '{"a":[1.5,"ü"],"b":1}'.encode()
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert len(config_id({"a": 1})) == 10
    for bad in (float("nan"), [float("inf")], {"x": {"y": float("nan")}}):
        with pytest.raises(ValueError, match="NaN"):
            canonical_json(bad)


def test_options_from_the_command_line():
    assert validate_options(Inner, {"size": "3"}, "it").size == 3
    with pytest.raises(UsageError, match="it: size"):
        validate_options(Inner, {"size": "x"}, "it")
