"""What a random checkpoint is made of: a tokenizer trained on texts, weights that decide, the hub's files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from pbench.errors import UsageError

__all__ = [
    "RandomSize",
    "random_tensor",
    "trained_tokenizer",
    "write_json",
    "write_tokenizer",
    "write_weights",
]

_GAINS = {
    "head": 3.0,
    "q_proj": 2.5,
    "k_proj": 2.5,
    "q_norm": 2.0,
    "k_norm": 2.0,
    "v_proj": 2.0,
    "o_proj": 2.0,
    "down_proj": 2.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSize:
    """Dimensions of a random checkpoint; `vocab_size` counts special tokens too."""

    layers: int = 2
    hidden_size: int = 64
    heads: int = 4
    vocab_size: int = 1024
    max_length: int = 2048
    shards: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.hidden_size % (2 * self.heads):
            raise UsageError(
                f"hidden size {self.hidden_size}: {self.heads} heads need an even number of dimensions each"
            )


def trained_tokenizer(texts: Iterable[str], vocab_size: int, special: Sequence[str]) -> Tokenizer:
    """A byte-level BPE of exactly `vocab_size` ids, the special tokens last.

    Where the texts give fewer pieces the rest are pieces that no text has, so that every id can be decoded.
    """
    pieces = vocab_size - len(special)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if pieces < len(alphabet):
        raise UsageError(
            f"vocabulary {vocab_size}: it needs {len(alphabet)} bytes and {len(special)} special tokens"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=pieces, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    said = orjson.loads(tokenizer.to_str())
    vocabulary = said["model"]["vocab"]
    for number in range(len(vocabulary), pieces):
        vocabulary[f"\u0120unused{number}"] = number  # U+0120 is how byte-level pieces write a space
    tokenizer = Tokenizer.from_str(orjson.dumps(said).decode())
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def random_tensor(name: str, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Weights that make different answers probable in different places, `name` as in the backbone.

    Attention is peaked and outweighs the embedding (masks have the same one everywhere), norms are
    near 1, and logits have a standard deviation of 3.
    """
    values = torch.randn(*shape, generator=generator)
    if len(shape) == 1:
        return values * 0.3 if name.endswith("bias") else _gain(name) * (1 + 0.1 * values)
    if "embed" in name:
        return 0.2 * values
    return values * _gain(name) * shape[-1] ** -0.5


def _gain(name: str) -> float:
    return next((gain for part, gain in _GAINS.items() if part in name), 1.0)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """As the hub's files are: indented, a newline at the end."""
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_tokenizer(
    out: Path, tokenizer: Tokenizer, special: Mapping[str, str], template: str | None
) -> None:
    """tokenizer.json and tokenizer_config.json; `special` by role (bos_token, eos_token, ...)."""
    tokenizer.save(str(out / "tokenizer.json"))
    settings: dict[str, Any] = {**special, "tokenizer_class": "PreTrainedTokenizerFast"}
    if template is not None:
        settings["chat_template"] = template
    write_json(out / "tokenizer_config.json", settings)


def write_weights(out: Path, tensors: Mapping[str, Tensor], shards: int) -> None:
    """model.safetensors, or as many shards and their index."""
    if shards == 1:
        save_file(dict(tensors), out / "model.safetensors", metadata={"format": "pt"})
        return
    files: dict[str, list[str]] = {}
    for place, name in enumerate(tensors):
        number = place * shards // len(tensors) + 1
        files.setdefault(f"model-{number:05}-of-{shards:05}.safetensors", []).append(name)
    for file, names in files.items():
        save_file({name: tensors[name] for name in names}, out / file, metadata={"format": "pt"})
    total = sum(tensor.nbytes for tensor in tensors.values())
    weight_map = {name: file for file, names in files.items() for name in names}
    write_json(
        out / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map}
    )
