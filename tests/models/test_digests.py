"""Hashes counted ahead are those of the files, or nothing at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pbench.models import digests as module
from pbench.models import find_model, hash_weights_ahead, load_model
from pbench.models.digests import hash_ahead, keep, key_of, known
from pbench.models.safetensors_file import SafetensorsFile
from tests.models.random_models import folder


def key(path: Path) -> module.Key:
    return key_of(path, path.stat())


def written(tmp_path: Path, content: bytes = b"weights" * 100) -> Path:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    return path


def test_what_was_counted_ahead_is_the_hash_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", 64)
    path = written(tmp_path)
    assert known(key(path)) is None
    hash_ahead([path])
    assert known(key(path)) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_another_file_in_its_place_is_not_known(tmp_path: Path) -> None:
    path = written(tmp_path)
    hash_ahead([path])
    before = known(key(path))
    path.write_bytes(b"another" * 100)
    os.utime(path, ns=(1, 1))
    assert known(key(path)) is None
    hash_ahead([path])
    assert known(key(path)) not in (None, before)


def test_a_file_that_changes_meanwhile_has_no_hash(tmp_path: Path) -> None:
    path = written(tmp_path)
    meant = key(path)
    path.write_bytes(b"another" * 99)
    assert module._sha256(meant) is None


def test_what_cannot_be_read_is_left_to_others(tmp_path: Path) -> None:
    gone = tmp_path / "gone.safetensors"
    hash_ahead([gone])
    closed = written(tmp_path)
    meant = key(closed)
    closed.unlink()
    assert module._sha256(meant) is None


def test_a_file_that_lost_its_hash_is_counted_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.arange(6.0).reshape(3, 2)}, path)
    module._FOUND[key(path)] = future = module.Future()
    future.set_result(None)
    file = SafetensorsFile(path)
    assert file.digest() == known(key(path)) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_known_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    keep(key(path), "told")
    file = SafetensorsFile(path)
    monkeypatch.setattr(file, "chunks", None)
    assert file.digest() == "told"


def test_identity_is_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FOUND", {})
    plain = load_model(find_model(str(folder("llada"))), "cpu").identity
    module._FOUND.clear()
    hash_weights_ahead(str(folder("llada")))
    assert len(module._FOUND) == 1
    ahead = load_model(find_model(str(folder("llada"))), "cpu").identity
    assert ahead == plain
    assert ahead["files"]["model.safetensors"] in {each.result() for each in module._FOUND.values()}


@pytest.mark.parametrize("name", ["tiny", "oracle", "no/such", "."])
def test_other_names_are_not_looked_at(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_FOUND", {})
    hash_weights_ahead(name)
    assert module._FOUND == {}


def test_a_broken_index_is_the_loaders_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FOUND", {})
    (tmp_path / "model.safetensors.index.json").write_text("{")
    hash_weights_ahead(str(tmp_path))
    assert module._FOUND == {}
