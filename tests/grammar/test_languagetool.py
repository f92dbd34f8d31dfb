"""LanguageTool over HTTP: its answers read as they are, and servers that are slow, ill or gone."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import Any

import pytest

from pbench.errors import UsageError
from pbench.grammar import CheckerError, Finding, LanguageToolChecker, languagetool
from tests.grammar.conftest import StandIn

FIRST = "Good."  # asks for the version


@pytest.mark.parametrize("ending", ["", "/", "/v2", "/v2/check"])
def test_over_http(server: StandIn, ending: str) -> None:
    checker = LanguageToolChecker(server.url + ending)
    text = "\U0001f600 a baad word & more"
    good, bad = checker.check(["Fine.", text])
    assert good == []
    assert bad == [Finding("Possible typo", "TYPO", 4, 8, "baad")]  # characters, not UTF-16 units
    assert text[4:8] == "baad"
    assert (checker.name, checker.version) == ("languagetool", "6.8")
    assert {path for path, _ in server.forms} == {"/v2/check"}
    assert {tuple(form["language"]) for _, form in server.forms} == {("en-US",)}
    assert sorted(server.seen) == sorted([FIRST, "Fine.", text])


def test_texts_keep_their_order(server: StandIn) -> None:
    texts = [f"{'baad' if i % 3 else 'Fine'} {i}" for i in range(40)]
    assert [len(found) for found in LanguageToolChecker(server.url).check(texts)] == [
        min(i % 3, 1) for i in range(40)
    ]
    assert LanguageToolChecker(server.url).check([]) == []


def test_any_string(server: StandIn) -> None:
    assert LanguageToolChecker(server.url).check(["\ud800 \x00", "", "x" * 100_000]) == [[], [], []]
    assert "? \x00" in server.seen
    assert max(map(len, server.seen)) == languagetool.MAX_CHARACTERS
    [[far]] = LanguageToolChecker(server.url).check([" " * 30_000 + "a baad word"])
    assert (far.start, far.end) == (30_002, 30_006)


@pytest.mark.parametrize("text", ["broken", "nested", "crash always", "hang up"])
def test_a_broken_answer_is_asked_for_three_times(server: StandIn, text: str) -> None:
    checker = LanguageToolChecker(server.url)
    with pytest.raises(CheckerError, match=f"{server.url}.* gives no answer"):
        checker.check([text])
    assert server.times(text) == 3
    assert checker.check(["Fine."]) == [[]]


@pytest.mark.parametrize("text", ["crash once", "busy once"])
def test_a_passing_trouble_is_not_noticed(server: StandIn, text: str) -> None:
    assert LanguageToolChecker(server.url).check([f"{text} baad"])[0] != []
    assert server.times(text) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("foreign", "not as LanguageTool does"),
        ("odd match", "not as LanguageTool does"),
        ("too long", "refuses the text: HTTP status 413"),
        ("moved", "HTTP status 301"),
        ("incomplete", "did not read all"),
    ],
)
def test_what_another_try_would_not_mend(server: StandIn, text: str, why: str) -> None:
    checker = LanguageToolChecker(server.url)
    with pytest.raises(CheckerError, match=why):
        checker.check([text])
    assert server.times(text) == 1
    assert checker.check(["Fine."]) == [[]]


def test_an_incomplete_reading_with_a_finding_is_a_finding(server: StandIn) -> None:
    assert LanguageToolChecker(server.url).check(["incomplete baad"])[0] != []


@pytest.mark.parametrize("text", ["wait", "dribble"])
def test_the_time_limit_is_for_the_whole_answer(
    server: StandIn, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checker, asked, post = LanguageToolChecker(server.url), [], languagetool._post

    def counted(endpoint: str, body: bytes, seconds: float) -> dict[str, Any]:
        asked.append(seconds)
        return post(endpoint, body, seconds)

    assert checker.check(["Fine."]) == [[]]
    with monkeypatch.context() as patch:
        patch.setattr(languagetool, "_post", counted)
        patch.setattr(checker, "_seconds", 0.1)
        with pytest.raises(CheckerError, match=r"within 0\.1 seconds"):
            checker.check([text])
    assert asked == [0.1]
    assert checker.check(["Fine."]) == [[]]


@pytest.mark.parametrize("text", ["Fine.", "dribble"])
def test_a_connection_that_takes_longer_than_the_limit(
    server: StandIn, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = languagetool.HTTPConnection.connect

    def slowly(connection: HTTPConnection) -> None:
        time.sleep(0.2)
        connect(connection)

    monkeypatch.setattr(languagetool.HTTPConnection, "connect", slowly)
    checker = LanguageToolChecker(server.url, seconds=0.1)
    with pytest.raises(CheckerError, match=r"within 0\.1 seconds"):
        checker.check([text])
    assert server.seen == []


def test_a_dead_server_is_not_asked_for_ever(server: StandIn) -> None:
    checker = LanguageToolChecker(server.url)
    assert checker.version == "6.8"
    for _ in range(5):
        with pytest.raises(CheckerError):
            checker.check(["crash always"])
    assert server.times("crash always") == 9


def test_a_server_that_changes_is_refused(server: StandIn) -> None:
    checker = LanguageToolChecker(server.url)
    assert checker.check(["Fine."]) == [[]]
    server.version = "6.9"
    with pytest.raises(CheckerError, match=r"6\.8 became 6\.9"):
        checker.check(["Fine again."])


def test_a_snapshot_is_known_by_its_day(server: StandIn) -> None:
    server.version = "6.9-SNAPSHOT"
    assert LanguageToolChecker(server.url).version == "6.9-SNAPSHOT 2026-01-02"


def test_nobody_listens(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languagetool, "_PAUSES", (0.0, 0.0))
    checker = LanguageToolChecker(nobody)
    with pytest.raises(CheckerError, match="gives no answer"):
        _ = checker.version


@pytest.mark.parametrize(
    "url", ["localhost:8081", "ftp://host", "http://", "http://host:port", "http://me:secret@host"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="expected an address"):
        LanguageToolChecker(url)
