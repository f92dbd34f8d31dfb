"""An autoregressive checkpoint's folder: tokenizer, end tokens, and its network by transformers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch

from pbench.errors import ArtifactError, UsageError
from pbench.models.chat import ChatFormat
from pbench.models.checkpoint import Checkpoint, safetensors_paths, some_of
from pbench.models.tokens import Tokens
from pbench.models.weights import weight_files

__all__ = ["PLAIN", "UNLIMITED", "Setup", "check_loaded", "digests", "load_network", "quiet", "read_setup"]

PLAIN = ChatFormat(
    "{{ bos_token }}{% for message in messages %}{{ message['content'] }}\n\n{% endfor %}",
    "",
    "messages are read as they are, a blank line after each",
)
UNLIMITED = 2**31


@dataclass(frozen=True, slots=True)
class Setup:
    """All of a checkpoint but its weights; `ends` are the ids after which an answer is over."""

    tokens: Tokens
    config: Any
    ends: frozenset[int]
    vocab_size: int
    max_length: int


def read_setup(checkpoint: Checkpoint) -> Setup:
    """Tokenizer and configuration; ArtifactError for files that are broken or do not fit together."""
    values = checkpoint.config.values
    config = _native_config(checkpoint.folder, values)
    text = config.get_text_config()
    tokens = Tokens(checkpoint.folder, PLAIN)
    vocab_size = int(text.vocab_size)
    if tokens.size > vocab_size:
        raise ArtifactError(
            f"{checkpoint.folder}: the tokenizer has ids up to {tokens.size - 1}, but config.json a"
            f" vocabulary of {vocab_size}; they are of different models"
        )
    longest = getattr(text, "max_position_embeddings", None) or UNLIMITED
    ends = _ends(checkpoint.folder, values, tokens)
    return Setup(tokens, config, ends, vocab_size, int(longest))


def digests(checkpoint: Checkpoint) -> dict[str, str]:
    """SHA-256 of each weight file of a folder; none for a hub repository, whose commit stands for them."""
    if checkpoint.hub is not None:
        return {}
    return {
        file.path.name: file.digest() for file in weight_files(checkpoint.folder, pickles=checkpoint.trusted)
    }


def load_network(checkpoint: Checkpoint, setup: Setup, dtype: torch.dtype) -> Any:
    """The network on the CPU, its weights checked; no code is run. `digests` has refused pickles before."""
    from transformers import AutoModelForCausalLM

    try:
        with quiet():
            network, found = AutoModelForCausalLM.from_pretrained(
                checkpoint.folder,
                config=setup.config,
                dtype=dtype,
                use_safetensors=bool(safetensors_paths(checkpoint.folder)),
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except ValueError as error:
        raise UsageError(f"hf:{checkpoint.folder}: {_first_line(error)}") from None
    except (OSError, RuntimeError) as error:
        raise ArtifactError(f"{checkpoint.folder}: {_first_line(error)}") from None
    check_loaded(found, checkpoint.folder)
    return network.eval()


def check_loaded(found: Mapping[str, Any], folder: Path) -> None:
    """ArtifactError for tensors that by transformers' `output_loading_info` were missing or surplus."""
    for what, names in (("lacks", found["missing_keys"]), ("has surplus", found["unexpected_keys"])):
        if names:
            raise ArtifactError(f"{folder}: {what} tensors: {some_of(sorted(names))}")


def _native_config(folder: Path, values: Mapping[str, Any]) -> Any:
    """transformers' configuration; UsageError for a model_type that it does not have itself."""
    from transformers import CONFIG_MAPPING

    model_type = values.get("model_type")
    if model_type not in CONFIG_MAPPING:
        raise UsageError(
            f"hf:{folder}: model_type {model_type!r} is not in transformers; its own code is not run"
        )
    try:
        return CONFIG_MAPPING[model_type].from_dict(dict(values))
    except Exception as error:  # each class checks its keys in its own way
        raise ArtifactError(f"{folder / 'config.json'}: {_first_line(error)}") from None


def _ends(folder: Path, values: Mapping[str, Any], tokens: Tokens) -> frozenset[int]:
    """End tokens of generation_config.json, else of config.json, and the tokenizer's own."""
    path = folder / "generation_config.json"
    try:
        generation = orjson.loads(path.read_bytes()) if path.exists() else {}
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: {error}") from None
    said = generation.get("eos_token_id", values.get("eos_token_id"))
    ends = set(said if isinstance(said, list) else [] if said is None else [said])
    own = tokens.special.get("eos_token")
    if own is not None and (number := tokens.tokenizer.token_to_id(own)) is not None:
        ends.add(number)
    return frozenset(ends)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No bars and no reports of transformers on stderr: what matters is an error here."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:  # the hub's library warns where its own variable forbids them
            logging.enable_progress_bar()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
