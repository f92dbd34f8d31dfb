"""Prompt templates: bare fields only, values put in as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbench.tasks.template import Template

KNOWN = ("context", "word", "index")


def test_fields_and_doubled_braces():
    template = Template.parse("{{x}} {word}: {context}{word}", KNOWN)
    assert template.fields == ("word", "context", "word")
    assert template.render({"word": "W", "context": "C"}) == "{x} W: CW"


@pytest.mark.parametrize(
    "field",
    [
        "{context.__class__}",
        "{context[0]}",
        "{context!r}",
        "{context:>9}",
        "{}",
        "{0}",
        "{ context }",
        "{Context}",
    ],
)
def test_only_bare_fields(field: str):
    with pytest.raises(ValueError, match="is no bare field"):
        Template.parse(f"a {field} b", KNOWN)


def test_unknown_field_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown field \{contxt\} \(did you mean 'context'\?\)"):
        Template.parse("{contxt}", KNOWN)


@pytest.mark.parametrize("text", ["a { b", "a } b", "{context", "context}", "{{{context}}", "{a{context}"])
def test_stray_braces(text: str):
    with pytest.raises(ValueError, match=r"a single|no bare"):
        Template.parse(text, KNOWN)


VALUES = st.fixed_dictionaries({name: st.text() for name in KNOWN})


@given(VALUES, st.text(alphabet=st.characters(exclude_characters="{}")))
def test_data_is_never_looked_into(values: dict[str, str], text: str):
    template = Template.parse(f"{text}{{word}}|{{context}}{text}{{index}}", KNOWN)
    expected = text + values["word"] + "|" + values["context"] + text + values["index"]
    assert template.render(values) == expected


@given(st.text())
def test_any_text_parses_or_is_refused(text: str):
    try:
        template = Template.parse(text, KNOWN)
    except ValueError:
        assert "{" in text or "}" in text
        return
    escaped = template.render(dict.fromkeys(KNOWN, ""))
    assert len(escaped) <= len(text)
