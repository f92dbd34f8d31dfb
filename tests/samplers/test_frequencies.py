"""Tables of token frequencies: what is counted, what is written, what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import orjson
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from pbench.artifacts import file_hash
from pbench.errors import ArtifactError, UsageError
from pbench.models import find_model
from pbench.samplers.frequencies import (
    FILE_NAME,
    FrequencyTable,
    TextCounter,
    read_table,
    with_table,
    write_table,
)

TABLE = FrequencyTable(model="m", tokenizer="t", vocab_size=4, source="test", counts={2: 3, 0: 1})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder as far as counting goes: a tokenizer of three words, EOS and unknown."""
    words = {"<eos>": 0, "<unk>": 1, "a": 2, "b": 3, "c": 4}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    folder = tmp_path / "model"
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"vocab_size": 8, "eos_token_id": [0, 1], "unk_token_id": 1}')
    return folder


def test_every_text_is_counted_with_one_eos(folder: Path):
    table = TextCounter("mine", folder).count(["a b a", "a"], "two texts")
    assert table.counts == {0: 2, 2: 3, 3: 1}
    assert (table.model, table.vocab_size, table.source) == ("mine", 8, "two texts")
    assert table.tokenizer == file_hash(folder / "tokenizer.json")


def test_what_cannot_be_counted_is_refused(folder: Path):
    with pytest.raises(UsageError, match="1 of 3 tokens of notes are unknown to mine"):
        TextCounter("mine", folder).count(["a z"], "notes")
    with pytest.raises(UsageError, match="no text"):
        TextCounter("mine", folder).count([], "notes")
    (folder / "config.json").unlink()
    with pytest.raises(ArtifactError, match=r"config\.json"):
        TextCounter("mine", folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"tokenizer\.json"):
        TextCounter("mine", folder)


def test_information_is_that_of_the_rule():
    seen, often, unseen = (-math.log(f + 1e-9) for f in (1 / 4, 3 / 4, 1 / 4))
    assert TABLE.information() == pytest.approx([seen, unseen, often, unseen, unseen])


def test_a_table_is_read_as_it_was_written(tmp_path: Path):
    path = write_table(TABLE, tmp_path / "t.json")
    assert read_table(path) == TABLE
    assert orjson.loads(path.read_bytes())["hash"] == TABLE.hash
    again = FrequencyTable(**TABLE.model_dump(exclude={"counts"}), counts={0: 1, 2: 3})
    assert write_table(again, tmp_path / "u.json").read_bytes() == path.read_bytes()


def test_the_hash_stands_for_what_decides_scores():
    elsewhere = TABLE.model_copy(update={"source": "other words", "model": "n"})
    assert elsewhere.hash == TABLE.hash
    for change in ({"counts": {2: 3, 0: 2}}, {"vocab_size": 5}, {"tokenizer": "u"}):
        assert FrequencyTable(**TABLE.model_dump() | change).hash != TABLE.hash


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counts": {"2": 4, "0": 1}}, "hash"),
        ({"counts": {"4": 1}}, "outside the vocabulary"),
        ({"counts": {}}, "no counts"),
        ({"counts": {"2": 0}}, "hash"),
        ({"hash": None}, "hash"),
        ({"kind": "other"}, "kind"),
        ({"weights": 1}, "weights"),
    ],
)
def test_a_changed_table_is_refused(tmp_path: Path, change, words):
    path = write_table(TABLE, tmp_path / "t.json")
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | change))
    with pytest.raises(ArtifactError, match=words):
        read_table(path)


@pytest.mark.parametrize("content", [b"[1]", b"{", b"null", b"\xff"])
def test_other_files_are_no_tables(tmp_path: Path, content):
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"t\.json"):
        read_table(path)


def test_the_models_own_table_is_the_default(folder: Path):
    assert with_table("pc", {"k": 1}, folder) == {"k": 1}
    own = TextCounter("mine", folder).count(["a"], "x")
    write_table(own, folder / FILE_NAME)
    assert with_table("pc", {"k": 1}, folder) == {"k": 1, "frequencies": own}
    assert with_table("confidence", {"k": 1}, folder) == {"k": 1}
    assert with_table("pc", {"k": 1}, None) == {"k": 1}


def test_a_table_of_another_tokenizer_is_refused(folder: Path, tmp_path: Path):
    own = write_table(TextCounter("mine", folder).count(["a b"], "x"), tmp_path / "own.json")
    assert with_table("pc", {"frequencies": str(own)}, folder) == {"frequencies": read_table(own)}
    foreign = write_table(TABLE, tmp_path / "foreign.json")
    with pytest.raises(UsageError, match="tokenizer of 'm'"):
        with_table("pc", {"frequencies": str(foreign)}, folder)


def test_the_bundled_table_is_of_the_bundled_tokenizer():
    folder = find_model("tiny").folder
    assert folder is not None
    table = read_table(folder / FILE_NAME)
    assert table.tokenizer == file_hash(folder / "tokenizer.json")
    assert table.source == "train answers: waiting_line puzzle"
    assert min(table.information()) == table.information()[24]  # the separator of lists is commonest
