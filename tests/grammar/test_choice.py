"""The choice of the checker: what is there, what can start, and who is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbench.errors import UsageError
from pbench.grammar import CheckerError, LanguageToolChecker, open_checker, server
from tests.grammar.conftest import Installation, StandIn


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder where LanguageTool's downloads would lie; Java and the package are there."""
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/java")
    monkeypatch.setattr(server, "find_spec", lambda _name: object())
    return tmp_path


def test_auto_takes_harper_where_languagetool_is_not(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why: list[str] = []
    assert open_checker("auto", on_fallback=why.append).name == "harper"
    assert "download it once" in why.pop()
    assert list(bare.iterdir()) == []
    (bare / "LanguageTool-6.8").mkdir()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert open_checker("auto", on_fallback=why.append).name == "harper"
    assert "install Java" in why.pop()


def test_asking_for_languagetool_says_what_is_missing(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="download it once"):
        open_checker("languagetool")
    (bare / "LanguageTool-6.8").mkdir()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(UsageError, match="install Java"):
        open_checker("languagetool")
    monkeypatch.setattr(server, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"pbench\[languagetool\]"):
        open_checker("languagetool")


def test_the_newest_version_counts(bare: Path) -> None:
    for version in ("6.8", "6.10", "snapshot"):
        (bare / f"LanguageTool-{version}").mkdir()
    assert server.installed_versions() == ["6.8", "6.10"]


def test_auto_starts_languagetool_where_it_is(installation: Installation) -> None:
    pytest.importorskip("language_tool_python")
    checker = open_checker("auto")
    assert isinstance(checker, LanguageToolChecker)
    assert (checker.name, checker.version, len(installation.pids())) == ("languagetool", "6.8", 1)
    checker.close()


def test_auto_takes_harper_where_languagetool_does_not_start(installation: Installation) -> None:
    pytest.importorskip("language_tool_python")
    installation.refuse()
    why: list[str] = []
    assert open_checker("auto", on_fallback=why.append).name == "harper"
    assert "does not start" in why[0]
    with pytest.raises(CheckerError, match="does not start"):
        open_checker("languagetool")


def test_a_named_server_must_answer(server: StandIn, nobody: str) -> None:
    checker = open_checker("auto", server.url)
    assert (checker.name, checker.version) == ("languagetool", "6.8")
    with pytest.raises(CheckerError, match="gives no answer"):
        open_checker("auto", nobody)


def test_bad_choices() -> None:
    with pytest.raises(UsageError, match="did you mean 'harper'"):
        open_checker("harpr")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not harper"):
        open_checker("harper", "http://localhost:8081")
    with pytest.raises(UsageError, match="expected an address"):
        open_checker("auto", "localhost:8081")
