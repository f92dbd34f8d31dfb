"""Words and texts: bundled, from files, from the hub (a fake one)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from pbench.errors import ConfigError, UsageError
from pbench.tasks import generate, load_suite
from pbench.tasks.hub import _fetch
from pbench.tasks.words import read_words

TEXT_HEAD = "defaults: {category: text_writing, gen_length: 64, num_samples: 2}\ntasks:\n"


def test_bundled_words(tmp_path):
    assert len(read_words("names", tmp_path, 6)) == 10_000
    assert read_words("alphabet", tmp_path, 6) == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert len(read_words("nouns", tmp_path, 6)) >= 100


def test_bundled_texts_are_all_different():
    for suite in ("paraphrase_summarize", "words_to_sentence"):
        for spec in load_suite(suite).tasks:
            assert len(spec.pool) == 100
            rows = [str(sorted(row.items())) for row in spec.pool]
            assert len(set(rows)) == 100
    words = [
        word for spec in load_suite("words_to_sentence").tasks for row in spec.pool for word in row["words"]
    ]
    assert len(words) == 3 * 100 * 7


def test_sentences_use_their_first_four_words():
    for spec in load_suite("words_to_sentence").tasks:
        assert all(word in row["sentence"] for row in spec.pool for word in row["words"][:4])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("[a, b, c, a, d]", "'a' stands 2 times"),
        ("[a, b, c]", "the longest list needs 4 different ones, 3 are given"),
        ('[a, b, "c,d", e]', "'c,d' cannot stand in a list"),
        ("[a, b, ' c', e]", "cannot stand in a list"),
        ("[a, b, 'x]', e]", "cannot stand in a list"),
        ("nowhere.txt", "nowhere.txt: No such file or directory"),
        (".", "Is a directory"),
    ],
)
def test_words_that_cannot_be(write_suite, words: str, message: str):
    path = write_suite(f"  copy: {{type: copy, words: {words}, prompt: '{{context}}'}}\n")
    with pytest.raises(ConfigError, match=message) as caught:
        load_suite(path)
    assert str(caught.value).startswith(f"{path}: tasks.copy.words: ")


def test_words_of_a_file_beside_the_suite(write_suite, tmp_path):
    (tmp_path / "fruit.txt").write_text("fig\n\nkiwi\r\nplum\nÄpfel\n", encoding="utf-8")
    spec = load_suite(write_suite("  copy: {type: copy, words: fruit.txt, prompt: '{context}'}\n")).tasks[0]
    assert spec.pool == ("fig", "kiwi", "plum", "Äpfel")
    (tmp_path / "fruit.txt").write_bytes(b"\xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_suite(tmp_path / "own.yaml")


def test_texts_of_a_file(write_suite, tmp_path):
    rows = [
        '{"text": "Is it {late}?", "paraphrases": ["Late?"]}',
        "",
        '{"text": "Yes.", "paraphrases": ["It is."]}',
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    suite = write_suite("  p: {type: paraphrase, source: {file: rows.jsonl}, prompt: '{text}'}\n", TEXT_HEAD)
    spec = load_suite(suite).tasks[0]
    assert [sample.messages[-1]["content"] for sample in generate(spec)] == ["Is it {late}?", "Yes."]
    assert spec.options.origin == "rows.jsonl"
    assert spec.resolved()["source"] == {"file": "rows.jsonl"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "rows.jsonl:1: no JSON"),
        ("[1]", "rows.jsonl:1: needs 'text', a text"),
        ('{"text": 3, "paraphrases": ["x"]}', "needs 'text', a text"),
        ('{"text": "x"}', "needs 'paraphrases', a list of texts"),
        ('{"text": "x", "paraphrases": [1]}', "'paraphrases' is no list of texts"),
        (None, "No such file"),
    ],
)
def test_bad_files_of_texts(write_suite, tmp_path, content: str | None, message: str):
    if content is not None:
        (tmp_path / "rows.jsonl").write_text(content)
    suite = write_suite("  p: {type: paraphrase, source: {file: rows.jsonl}, prompt: '{text}'}\n", TEXT_HEAD)
    spec = load_suite(suite).tasks[0]
    with pytest.raises(UsageError, match=message):
        next(generate(spec))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("web", "is `bundled`, {file: PATH} or {hub: OWNER/NAME}"),
        ("{file: a, hub: b/c}", "give either file or hub"),
        ("{split: train}", "belong to hub"),
        ("{hub: nothing}", "source.hub"),
        ("{hubb: a/b}", r"'tasks.p.source.hubb' \(did you mean 'hub'\?\)"),
    ],
)
def test_bad_sources(write_suite, source: str, message: str):
    suite = write_suite(f"  p: {{type: paraphrase, source: {source}, prompt: '{{text}}'}}\n", TEXT_HEAD)
    with pytest.raises(ConfigError, match=message):
        load_suite(suite)


class FakeData:
    """As much of a datasets.Dataset as is used."""

    def __init__(self, columns: dict[str, list[Any]]):
        self.columns = columns
        self.column_names = list(columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns[name]

    def select(self, places: range) -> FakeData:
        return FakeData({name: [values[p] for p in places] for name, values in self.columns.items()})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A fake `datasets` module: hub["data"] is what load_dataset gives, or the exception it raises."""
    state: dict[str, Any] = {"data": FakeData({"text": [], "paraphrases": []})}

    def load_dataset(name: str, subset: str | None, split: str, revision: str | None) -> FakeData:
        state["asked"] = (name, subset, split, revision)
        if isinstance(state["data"], Exception):
            raise state["data"]
        return state["data"]

    module = ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    _fetch.cache_clear()
    yield state
    _fetch.cache_clear()


HUB = "  p: {type: paraphrase, source: {hub: a/b, split: train, max_rows: 4}, prompt: '{text}'}\n"


def test_rows_of_the_hub_are_filtered(write_suite, hub):
    texts = [
        "Zzyxq is here.",
        "Where is the station?",
        "Nobody came.",
        "Nothing to say.",
        "Never reached.",
    ]
    lists = ["['x']", "['Where can I find the station?', 'y']", "not a list", "[]", "['z']"]
    hub["data"] = FakeData({"text": texts, "paraphrases": lists, "more": lists})
    spec = load_suite(write_suite(HUB, TEXT_HEAD)).tasks[0]
    assert [row["text"] for row in spec.pool] == ["Where is the station?"]
    assert spec.pool[0]["paraphrases"] == ["Where can I find the station?", "y"]
    assert hub["asked"] == ("a/b", None, "train", None)


def test_hub_columns_by_other_names(write_suite, hub):
    hub["data"] = FakeData({"talk": ["A: Hi!\nB: Hi!"], "short": ["They greet each other."]})
    columns = "{dialogue: talk, summary: short}"
    task = f"  s: {{type: summarize, source: {{hub: a/c, columns: {columns}}}, prompt: '{{text}}'}}\n"
    spec = load_suite(write_suite(task, TEXT_HEAD)).tasks[0]
    assert spec.pool == ({"dialogue": "A: Hi!\nB: Hi!", "summary": "They greet each other."},)
    hub["data"] = FakeData({"talk": ["x"]})
    _fetch.cache_clear()
    other = load_suite(write_suite(task, TEXT_HEAD)).tasks[0]
    with pytest.raises(UsageError, match="has no column 'short'; it has talk"):
        next(generate(other))


def test_hub_without_network(write_suite, hub):
    hub["data"] = ConnectionError("no route\nand more")
    spec = load_suite(write_suite(HUB, TEXT_HEAD)).tasks[0]
    with pytest.raises(
        UsageError, match=r"a/b \(train\) cannot be fetched: no route; connect .* source: bundled"
    ):
        next(generate(spec))


def test_hub_without_its_extra(write_suite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    spec = load_suite(write_suite(HUB.replace("a/b", "a/d"), TEXT_HEAD)).tasks[0]
    with pytest.raises(UsageError, match=r"pip install 'pbench\[hub\]'"):
        next(generate(spec))
