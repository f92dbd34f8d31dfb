"""SEDD checkpoints: read in the form of the published ones, and small random ones written.

The published repositories hold no tokenizer: it is GPT-2's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pbench.errors import ArtifactError
from pbench.models.chat import ChatFormat
from pbench.models.checkpoint import Checkpoint
from pbench.models.random_files import (
    RandomSize,
    random_tensor,
    trained_tokenizer,
    write_json,
    write_tokenizer,
    write_weights,
)
from pbench.models.sedd import SeddGenerator
from pbench.models.sedd_network import SeddConfig, SeddNetwork
from pbench.models.tokens import Tokens
from pbench.models.weights import as_named, fill

__all__ = ["JOINED", "load", "write_random"]

JOINED = ChatFormat(r"{{ messages | map(attribute='content') | join('\n\n') }}", "")
"""SEDD has no turns: the messages, blank lines between them."""

_EOS = "<|endoftext|>"
_TOKENIZER = "openai-community/gpt2"


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> SeddGenerator:
    """The checkpoint on `device` (on "meta": without its weights, checked and hashed all the same)."""
    dtype = dtype or torch.float32
    folder = checkpoint.folder
    config = SeddConfig.read(checkpoint.config.values, folder / "config.json")
    tokens, source = _tokens(checkpoint)
    eos = tokens.tokenizer.token_to_id(_EOS)
    if tokens.size > config.tokens or eos is None:
        raise ArtifactError(
            f"{folder}: its tokenizer has {tokens.size} tokens, of which {_EOS} must be one, and config.json"
            f" {config.tokens}; the published ones speak GPT-2's"
        )
    with torch.device("meta"):
        network = SeddNetwork(config).to(dtype)
    digests = fill(network, checkpoint, as_named, device)
    identity = checkpoint.identity(SeddGenerator.family, str(dtype).removeprefix("torch."), digests)
    return SeddGenerator(checkpoint.name, network, tokens, eos, {**identity, **source})


def write_random(out: Path, texts: Sequence[str], size: RandomSize) -> None:
    """A small checkpoint on the absorbing graph with random weights, in the form of the published ones."""
    tokenizer = trained_tokenizer(texts, size.vocab_size, [_EOS])
    config = {
        "ngpus": 1,
        "tokens": size.vocab_size,
        "graph": {"type": "absorb", "file": "data", "report_all": False},
        "noise": {"type": "loglinear", "sigma_min": 1e-4, "sigma_max": 20},
        "sampling": {"predictor": "analytic", "steps": 128, "noise_removal": True},
        "model": {
            "name": "random",
            "type": "ddit",
            "hidden_size": size.hidden_size,
            "cond_dim": size.hidden_size,
            "length": size.max_length,
            "n_blocks": size.layers,
            "n_heads": size.heads,
            "scale_by_sigma": True,
            "dropout": 0.1,
        },
    }
    write_json(out / "config.json", config)
    write_tokenizer(out, tokenizer, {"eos_token": _EOS}, None)
    with torch.device("meta"):
        network = SeddNetwork(SeddConfig.read(config, out / "config.json"))
    generator = torch.Generator().manual_seed(size.seed)
    tensors = {name: _random(name, p.shape, generator) for name, p in network.named_parameters()}
    width = size.hidden_size // size.heads
    steps = torch.arange(0, width, 2, dtype=torch.float32) / width
    tensors["rotary_emb.inv_freq"] = 1.0 / 10_000**steps
    write_weights(out, tensors, size.shards)


def _random(name: str, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """The output layer is peaked as a language model's head is."""
    gain = 3.0 if name == "output_layer.linear.weight" else 1.0
    return gain * random_tensor(name, shape, generator)


def _tokens(checkpoint: Checkpoint) -> tuple[Tokens, dict[str, str]]:
    """The folder's tokenizer, or GPT-2's for a hub repository without one, and where that is from."""
    folder = checkpoint.folder
    if (folder / "tokenizer.json").exists():
        return Tokens(folder, JOINED), {}
    if checkpoint.hub is None:
        raise ArtifactError(
            f"{folder}: holds no tokenizer.json; SEDD speaks GPT-2's, copy that of {_TOKENIZER}"
        )
    from pbench.models.hub import fetch_small_files

    found, commit = fetch_small_files(_TOKENIZER, None)
    return Tokens(found, JOINED), {"tokenizer": f"{_TOKENIZER}@{commit}"}
