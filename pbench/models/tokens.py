"""The tokenizer and chat template of a checkpoint folder, without running anybody's code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from tokenizers import Tokenizer

from pbench.errors import ArtifactError
from pbench.models.chat import Chat, ChatFormat
from pbench.records import Message

__all__ = ["Tokens"]


class Tokens:
    """Text to ids and back; `notes` says what the folder lacked and where it was taken from."""

    def __init__(self, folder: Path, format: ChatFormat):
        """ArtifactError names the file that is missing or wrong."""
        self.notes: list[str] = []
        settings = _json(folder / "tokenizer_config.json")
        self.tokenizer = _tokenizer(folder)
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        template = _template(folder, settings)
        if template is None:
            self.notes.append(f"{folder}: no chat template; {format.said}")
        self.special = _special(folder, settings)
        self._chat = Chat(template or format.template, self.special, format.generation_prompt, str(folder))

    @property
    def size(self) -> int:
        """One more than the highest id."""
        added = max(self.tokenizer.get_added_tokens_decoder(), default=-1) + 1
        return max(added, self.tokenizer.get_vocab_size(with_added_tokens=False))

    def token(self, token_id: int) -> str:
        """The piece of an id; an id that is none of the tokenizer's has none."""
        return self.tokenizer.id_to_token(token_id) or "(not in the tokenizer)"

    def prompt(self, messages: Sequence[Message]) -> str:
        """What the model reads; see `pbench.models.chat.Chat.render`."""
        return self._chat.render(messages)

    def encode(self, text: str) -> list[int]:
        """Ids of `text` as it stands: the template has written what a tokenizer would add."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids without the special ones; ids that are none of the tokenizer's give nothing."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.exists():
        return _from_vocabulary(folder)
    status = path.stat()
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, size: int, changed: int) -> Tokenizer:  # noqa: ARG001 - what makes it another file
    """tokenizer.json, which a run looks at before it loads the weights and once more when it does."""
    try:
        return Tokenizer.from_buffer(path.read_bytes())
    except Exception as error:  # the library raises bare Exception
        raise ArtifactError(f"{path}: {error}") from None


def _from_vocabulary(folder: Path) -> Tokenizer:
    """The byte-level tokenizer of folders of the Qwen line that hold vocab.json and merges.txt only."""
    for name in ("vocab.json", "merges.txt"):
        if not (folder / name).exists():
            raise ArtifactError(f"{folder}: holds no tokenizer.json, and no {name} to make one from")
    from transformers import Qwen2Tokenizer

    try:
        return Qwen2Tokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
    except Exception as error:  # of the tokenizers library, bare
        raise ArtifactError(f"{folder}: vocab.json and merges.txt make no tokenizer: {error}") from None


def _template(folder: Path, settings: dict[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.exists():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ArtifactError(f"{path}: {error}") from None
    template = settings.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = {each.get("name"): each.get("template") for each in template if isinstance(each, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _special(folder: Path, settings: dict[str, Any]) -> dict[str, str]:
    """The special tokens by the names that a template may use: bos_token, eos_token, ..."""
    found = {}
    for name, value in {**_json(folder / "special_tokens_map.json"), **settings}.items():
        content = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(content, str):
            found[name] = content
    return found


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        value = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: {error}") from None
    return value if isinstance(value, dict) else {}
