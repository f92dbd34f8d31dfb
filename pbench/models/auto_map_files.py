"""A checkpoint with code of its own (`auto_map`): what is read of it, and its network, by that code.

Its Python files run only in `load_network`, which asks for `Checkpoint.trusted` once more. Everything
else here reads config.json, the tokenizer and hashes.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pbench.errors import ArtifactError, UsageError
from pbench.models.autoregressive_files import PLAIN, UNLIMITED, check_loaded, quiet
from pbench.models.checkpoint import POSITIONS, Checkpoint, Config, safetensors_paths
from pbench.models.masked import SpecialIds, check_vocabulary
from pbench.models.tokens import Tokens

__all__ = ["Setup", "code_digests", "foreign", "load_network", "read_setup"]

_NETWORKS = ("AutoModelForMaskedLM", "AutoModelForCausalLM", "AutoModel")  # the first that it names
_CONTEXT_KEYS = ("max_position_embeddings", "max_sequence_length", "n_positions")
_NO_MEMORY = ("out of memory", "allocate memory")
_REFERENCE = re.compile(r"\w+\.\w+")


@dataclass(frozen=True, slots=True)
class Setup:
    """All of a checkpoint but its weights; `code` is the SHA-256 of each of its Python files.

    The classes are references FILE.CLASS into these files.
    """

    tokens: Tokens
    ids: SpecialIds
    vocab_size: int
    max_length: int
    config_class: str
    network_class: str
    code: dict[str, str]
    notes: tuple[str, ...]


def read_setup(checkpoint: Checkpoint) -> Setup:
    """What config.json, tokenizer and code files say; runs nothing.

    UsageError without --trust-remote-code or without an auto_map, ArtifactError for files that do not
    fit together.
    """
    folder, config = checkpoint.folder, checkpoint.config
    if not checkpoint.trusted:
        raise UsageError(f"{folder}: its own code (auto_map) is run only with --trust-remote-code")
    config_class, network_class = _classes(config)
    tokens = Tokens(folder, PLAIN)
    key = "embedding_size" if config.values.get("embedding_size") else "vocab_size"  # as LLaDA's, padded
    vocab_size = config.size(key)
    ids = _special_ids(config, tokens)
    check_vocabulary(config, vocab_size, tokens, ids)
    code = code_digests(folder)
    lengths = [
        config.size(key, most=POSITIONS) for key in _CONTEXT_KEYS if config.values.get(key) is not None
    ]
    notes = [*tokens.notes, f"{folder}: runs its own code, not pbench's ({', '.join(code)})"]
    if not lengths:
        notes.append(f"{config.path}: has none of {', '.join(_CONTEXT_KEYS)}; lengths are not checked")
    longest = min(lengths, default=UNLIMITED)
    return Setup(tokens, ids, vocab_size, longest, config_class, network_class, code, tuple(notes))


def code_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the Python files of a folder, by name: all that its classes can import relatively."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.py"))}


def load_network(checkpoint: Checkpoint, setup: Setup, dtype: torch.dtype) -> Any:
    """The network on the CPU, its weights checked: here the checkpoint's code is imported and run.

    ArtifactError for whatever goes wrong in it.
    """
    from filelock import FileLock
    from transformers.dynamic_module_utils import HF_MODULES_CACHE, get_class_from_dynamic_module

    folder = checkpoint.folder
    # transformers copies the code there file by file; workers that start together must not read half of it.
    lock = FileLock(str(Path(HF_MODULES_CACHE).parent / "pbench-modules.lock"))
    with foreign(folder), quiet(), lock:
        # What AutoModel does, but for one thing: it would keep the first class that a model_type had in
        # this process for all other folders that say the same.
        config_class, network_class = (
            get_class_from_dynamic_module(reference, folder, local_files_only=True)
            for reference in (setup.config_class, setup.network_class)
        )
        network, found = network_class.from_pretrained(
            folder,
            config=config_class.from_pretrained(folder, local_files_only=True),
            dtype=dtype,
            use_safetensors=bool(safetensors_paths(folder)),
            local_files_only=True,
            output_loading_info=True,
        )
    check_loaded(found, folder)
    return network.eval()


@contextmanager
def foreign(folder: Path) -> Iterator[None]:
    """Run the code of `folder`: its errors are ArtifactErrors of one line, what it prints goes to stderr."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        if isinstance(error, MemoryError) or any(phrase in str(error) for phrase in _NO_MEMORY):
            raise  # for those who then take a smaller batch
        said = (str(error).strip() or "no message").splitlines()[0]
        raise ArtifactError(f"{folder}: its own code failed: {type(error).__name__}: {said}") from error


def _classes(config: Config) -> tuple[str, str]:
    """Configuration and network in auto_map; they must lie in the folder itself, whose files are hashed."""
    offered = config.values.get("auto_map")
    offered = offered if isinstance(offered, dict) else {}
    network = next((name for name in _NETWORKS if name in offered), None)
    if network is None or "AutoConfig" not in offered:
        raise UsageError(f"{config.path}: has no auto_map with AutoConfig and one of {', '.join(_NETWORKS)}")
    for name in ("AutoConfig", network):
        if _REFERENCE.fullmatch(str(offered[name])) is None:
            raise ArtifactError(
                f"{config.path}: auto_map takes {name} from {offered[name]!r}; only FILE.CLASS of its own"
                " folder is run, because another repository's code would not be pinned"
            )
    return offered["AutoConfig"], offered[network]


def _special_ids(config: Config, tokens: Tokens) -> SpecialIds:
    """Those of config.json, else the tokenizer's; pad is EOS where neither has one."""
    found = {role: _special_id(config, tokens, role) for role in ("mask", "eos", "pad")}
    if found["pad"] is None:
        found["pad"] = found["eos"]
    ids = {role: value for role, value in found.items() if value is not None}
    for role in ("mask", "eos"):
        if role not in ids:
            raise ArtifactError(
                f"{config.path}: has no {role}_token_id, nor its tokenizer a {role}_token; without one it"
                " cannot be decoded"
            )
    return SpecialIds(**ids)


def _special_id(config: Config, tokens: Tokens, role: str) -> int | None:
    name = f"{role}_token_id"
    value = config.values.get(name)
    if value is not None:
        return Config(config.path, {name: value[0] if isinstance(value, list) and value else value}).integer(
            name
        )
    own = tokens.special.get(f"{role}_token")
    return None if own is None else tokens.tokenizer.token_to_id(own)
