"""Grammar checkers: harper in process, LanguageTool at a local stand-in, the choice between them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from pbench import grammar
from pbench.errors import UsageError
from pbench.grammar import CheckerError, Finding, HarperChecker, LanguageToolChecker, open_checker


@pytest.fixture(scope="module")
def harper() -> HarperChecker:
    checker = HarperChecker()
    checker.check(["Wake zxcvbqq."])  # the first word like no other builds an index (2 s, once)
    return checker


@pytest.mark.parametrize(
    "text",
    [
        "The cat sat on the mat.",
        "Amanda baked cookies and will bring Jerry some tomorrow.",
        " Tom asked whether the shop was open.\n",
        "",
    ],
)
def test_harper_finds_nothing_in_good_sentences(harper: HarperChecker, text: str) -> None:
    assert harper.check([text]) == [[]]


@pytest.mark.parametrize(
    ("text", "rule", "part"),
    [
        ("He go to school every day.", "PronounVerbAgreement", "go"),
        ("The the cat sat.", "RepeatedWords", "The the"),
        ("She bought a apple and some bread yesterday morning.", "AnA", "a"),
        ("We will meet them again in the park zomorrow.", "SpellCheck", "zomorrow"),
    ],
)
def test_harper_findings_say_where(harper: HarperChecker, text: str, rule: str, part: str) -> None:
    [findings] = harper.check([text])
    found = {finding.rule: finding for finding in findings}
    assert found[rule].text == part
    assert text[found[rule].start : found[rule].end] == part
    assert found[rule].message


def test_harper_checks_texts_one_by_one_in_order(harper: HarperChecker) -> None:
    good, bad = "The cat sat.", "The the cat sat."
    assert [bool(findings) for findings in harper.check([good, bad, good])] == [False, True, False]
    assert harper.name == "harper"
    assert harper.version[0].isdigit()


def test_harper_does_not_look_up_endless_gibberish(harper: HarperChecker) -> None:
    words = " ".join(f"zqx{chr(97 + i % 26)}kv{chr(97 + i // 26)}" for i in range(200))
    start = time.process_time()
    [findings] = harper.check([words])
    assert grammar.HARPER_SPELLING_FINDINGS <= len([f for f in findings if f.rule == "SpellCheck"]) <= 6
    [[long]] = harper.check(["A " + "x" * 1_000])
    assert (long.rule, long.start, long.end) == ("LongWord", 2, 1_002)
    assert time.process_time() - start < 2.0


def test_harper_reads_the_beginning_of_a_long_text(harper: HarperChecker) -> None:
    good = "The cat sat on the mat. " * (grammar.HARPER_MAX_CHARACTERS // 24)
    assert len(good) > grammar.HARPER_MAX_CHARACTERS - 24
    assert harper.check([good.rstrip() + " " * 10_000 + "He go to school."])[0] != []
    assert harper.check(["word. " * 1 + "[" * 100_000])[0][0].rule == "LongWord"


class _Handler(BaseHTTPRequestHandler):
    """Speaks /v2/check: `baad` is one match; other words make it misbehave."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
        self.server.seen.append((self.path, form))  # type: ignore[attr-defined]
        text = form["text"][0]
        if "sleep" in text:
            time.sleep(0.5)
        body = b"not JSON" if "broken" in text else json.dumps(_answer(text)).encode()
        self.send_response(500 if "crash" in text else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _answer(text: str) -> dict[str, Any]:
    if "foreign" in text:
        return {"something": "else"}
    units = len(text[: text.find("baad")].encode("utf-16-le")) // 2
    match = {"message": "Possible typo", "offset": units, "length": 4, "rule": {"id": "TYPO"}}
    return {
        "software": {"name": "LanguageTool", "version": "6.8"},
        "matches": [match] if "baad" in text else [],
    }


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[SimpleNamespace]:
    with _Server(("127.0.0.1", 0), _Handler) as http:
        http.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield SimpleNamespace(
            url=f"http://127.0.0.1:{http.server_port}",
            seen=http.seen,  # type: ignore[attr-defined]
        )
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("ending", ["", "/", "/v2", "/v2/check"])
def test_languagetool_over_http(server: SimpleNamespace, ending: str) -> None:
    checker = LanguageToolChecker(server.url + ending)
    text = "\U0001f600 a baad word & more"
    good, bad = checker.check(["Fine.", text])
    assert good == []
    assert bad == [Finding("Possible typo", "TYPO", 4, 8, "baad")]  # characters, not UTF-16 units
    assert text[4:8] == "baad"
    assert (checker.name, checker.version) == ("languagetool", "6.8")
    path, form = server.seen[1]
    assert (path, form["language"], form["text"]) == ("/v2/check", ["en-US"], [text])


def test_languagetool_takes_any_string(server: SimpleNamespace) -> None:
    assert LanguageToolChecker(server.url).check(["\ud800 \x00"]) == [[]]
    assert server.seen[0][1]["text"] == ["? \x00"]


@pytest.mark.parametrize("text", ["crash", "broken", "foreign", "sleep"])
def test_no_answer_is_an_error_never_a_verdict(server: SimpleNamespace, text: str) -> None:
    checker = LanguageToolChecker(server.url, seconds=0.2)
    with pytest.raises(CheckerError, match=server.url):
        checker.check(["Fine.", text])
    assert checker.check(["Fine."]) == [[]]


def test_a_dead_server_is_not_asked_for_ever(server: SimpleNamespace) -> None:
    checker = LanguageToolChecker(server.url)
    for _ in range(5):
        with pytest.raises(CheckerError):
            checker.check(["crash"])
    assert len(server.seen) == 3


def test_nobody_listens() -> None:
    checker = LanguageToolChecker("http://127.0.0.1:9")
    with pytest.raises(CheckerError, match="gives no answer"):
        _ = checker.version


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder where LanguageTool's downloads would lie; Java and the package are there."""
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/java")
    monkeypatch.setattr(grammar, "find_spec", lambda _name: object())
    return tmp_path


def test_auto_takes_languagetool_only_if_it_is_there(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_checker("auto").name == "harper"
    assert list(bare.iterdir()) == []
    (bare / "LanguageTool-6.8").mkdir()
    assert open_checker("auto").name == "languagetool"
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert open_checker("auto").name == "harper"
    assert open_checker("auto", "http://localhost:8081").name == "languagetool"


def test_asking_for_languagetool_says_what_is_missing(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="download it once"):
        open_checker("languagetool")
    (bare / "LanguageTool-6.8").mkdir()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(UsageError, match="install Java"):
        open_checker("languagetool")
    monkeypatch.setattr(grammar, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pbench\[languagetool\]"):
        open_checker("languagetool")


def test_the_local_server_is_the_newest_one_and_is_closed(
    bare: Path, server: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("6.8", "6.10", "snapshot"):
        (bare / f"LanguageTool-{version}").mkdir()
    made: list[Any] = []

    def start(language: str, language_tool_download_version: str) -> SimpleNamespace:
        made.append((language, language_tool_download_version))
        return SimpleNamespace(url=f"{server.url}/v2/", close=lambda: made.append("closed"))

    closers: list[Any] = []
    monkeypatch.setattr(grammar.atexit, "register", closers.append)
    monkeypatch.setitem(
        __import__("sys").modules, "language_tool_python", SimpleNamespace(LanguageTool=start)
    )
    checker = open_checker("languagetool")
    assert made == []
    assert checker.check(["baad", "Fine."]) == [[Finding("Possible typo", "TYPO", 0, 4, "baad")], []]
    assert made == [("en-US", "6.10")]
    closers[0]()
    assert made[-1] == "closed"


def test_bad_choices() -> None:
    with pytest.raises(UsageError, match="did you mean 'harper'"):
        open_checker("harpr")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not harper"):
        open_checker("harper", "http://localhost:8081")
    with pytest.raises(UsageError, match="expected an address"):
        open_checker("auto", "localhost:8081")
