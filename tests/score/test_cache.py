"""The cache of findings: what is asked once, what it is keyed by, what happens when it is unusable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbench.grammar import Finding
from pbench.score.cache import CachedChecker, cache_path
from tests.metrics.fakes import RuleChecker

BAD = [Finding("this is bad", "BAD", 0, 3, "bad")]


def test_texts_are_asked_once_across_runs(tmp_path: Path) -> None:
    path, checker = cache_path(tmp_path), RuleChecker()
    assert CachedChecker(checker, path).check(["bad", "A.", "bad"]) == [BAD, [], BAD]
    assert CachedChecker(checker, path).check(["A.", "B.", "bad", "\ud800"]) == [[], [], BAD, []]
    assert checker.calls == [["bad", "A."], ["B.", "\ud800"]]
    assert cache_path(tmp_path).is_file()


def test_another_version_or_checker_is_asked_again(tmp_path: Path) -> None:
    path, old, new = tmp_path / "c.sqlite", RuleChecker(), RuleChecker()
    new.version = "1.1"
    CachedChecker(old, path).check(["A."])
    assert CachedChecker(new, path).version == "1.1"
    CachedChecker(new, path).check(["A."])
    assert new.calls == [["A."]]


def test_many_texts(tmp_path: Path) -> None:
    checker = RuleChecker()
    texts = [f"text {i}" for i in range(1_000)]
    cached = CachedChecker(checker, tmp_path / "c.sqlite")
    assert cached.check(texts) == [[]] * 1_000
    assert cached.check(texts) == [[]] * 1_000
    assert sum(map(len, checker.calls)) == 1_000


@pytest.mark.parametrize("trouble", ["damaged", "a folder", "no folder", "damaged findings"])
def test_an_unusable_cache_is_done_without(tmp_path: Path, trouble: str) -> None:
    path = tmp_path / "c.sqlite"
    if trouble == "damaged":
        path.write_bytes(b"this is no database" * 100)
    elif trouble == "a folder":
        path.mkdir()
    elif trouble == "no folder":
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "c.sqlite"
    else:
        import sqlite3

        CachedChecker(RuleChecker(), path).check(["bad"])
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE findings SET findings = '[[1]]'")
        connection.close()
    assert CachedChecker(RuleChecker(), path).check(["bad", "A."]) == [BAD, []]


def test_errors_of_the_checker_pass_and_are_not_kept(tmp_path: Path) -> None:
    cached = CachedChecker(RuleChecker(), tmp_path / "c.sqlite")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="cannot judge"):
            cached.check(["crash"])
    assert cached.check(["A."]) == [[]]
