"""A checkpoint on the shared backbone as a Denoiser; a family is a `Family`: what is its own, and no more.

Here end the logit shift, block-causal attention, the mask token that may not be proposed, chat
templates and special ids. Shapes as in `pbench.interfaces`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pbench.errors import ArtifactError, UsageError
from pbench.interfaces import CacheUse, Canvas, Capabilities
from pbench.models.backbone import Backbone, Shape, dense_mlp
from pbench.models.chat import ChatFormat
from pbench.models.checkpoint import Checkpoint, Config
from pbench.models.key_values import KeyValues, Span
from pbench.models.tokens import Tokens
from pbench.models.weights import Names, as_named, fill
from pbench.records import Sample

__all__ = ["Family", "MaskedDenoiser", "Setup", "SpecialIds", "check_vocabulary", "load_masked", "read_setup"]


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Ids that the engine must know."""

    mask: int
    eos: int
    pad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What sets a family apart.

    `shape` reads config.json. `published` are the ids of the family's checkpoints, for a config.json
    that lacks them. `shifted`: row i of the logits predicts position i + 1. `compat_schedule` as in
    `Capabilities`. `block`: the length of block-causal attention, by config.json and the checkpoint's
    name. `mlp_of`: by config.json, what makes each layer's MLP (see `Backbone`).
    """

    name: str
    shape: Callable[[Config], Shape]
    chat: ChatFormat
    published: SpecialIds
    names: Names = as_named
    shifted: bool = False
    compat_schedule: Literal["even", "dream"] = "even"
    block: Callable[[Config, str], int] | None = None
    mlp_of: Callable[[Config], Callable[[Shape, int], nn.Module]] = lambda _config: dense_mlp


@dataclass(frozen=True, slots=True)
class Setup:
    """A checkpoint folder read, all but its weights; `network` is on the meta device."""

    family: Family
    network: Backbone
    tokens: Tokens
    ids: SpecialIds
    block: int | None
    notes: tuple[str, ...]


class MaskedDenoiser:
    """See `pbench.interfaces.Denoiser`; `notes` says what its folder lacked."""

    def __init__(self, name: str, setup: Setup, identity: Mapping[str, Any]):
        self.name = name
        self.family = setup.family.name
        self.identity = identity
        self.notes = setup.notes
        self.network = setup.network.eval()
        self.tokens = setup.tokens
        self.block = setup.block
        self.shifted = setup.family.shifted
        self.capabilities = Capabilities(
            max_length=setup.network.shape.max_length,
            position_ids=True,
            # A shifted head reads a position off the one before, which sees it: no mask beside can hide it.
            arbitrary_mask=not setup.family.shifted,
            kv_cache=True,
            block_causal=setup.block,
            compat_schedule=setup.family.compat_schedule,
        )
        self.vocab_size = setup.network.shape.vocab_size
        self.mask_token_id, self.eos_token_id, self.pad_token_id = (
            setup.ids.mask,
            setup.ids.eos,
            setup.ids.pad,
        )
        self.device = setup.network.model.embed_tokens.weight.device

    def supports(self, task: str) -> str | None:  # noqa: ARG002 - it can be asked anything
        return None

    def prompt(self, sample: Sample) -> str:
        """The text that the model reads, as its chat template makes it."""
        return self.tokens.prompt(sample.messages)

    def encode(self, sample: Sample) -> list[int]:
        ids = self.tokens.encode(self.prompt(sample))
        if self.mask_token_id in ids:
            raise UsageError(f"{sample.sample_id}: the prompt holds the mask token of {self.name}")
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokens.decode(ids)

    def encode_text(self, text: str) -> list[int]:
        return self.tokens.encode(text)

    def new_cache(self) -> KeyValues:
        return KeyValues(self.network.shape, self.network.model.embed_tokens.weight)

    @torch.inference_mode()
    def logits(self, canvas: Canvas, positions: Tensor, cache: CacheUse | None = None) -> Tensor:
        read_at = self.read_at(canvas, positions)
        if cache is None:
            hidden = self.network(canvas.ids, canvas.position_ids, self.seen(canvas), read_at)
        else:
            hidden = self._cached(canvas, read_at, cache)
        logits = self.network.head(hidden)
        logits[:, self.mask_token_id] = -torch.inf
        return logits

    def read_at(self, canvas: Canvas, positions: Tensor) -> Tensor:
        """Where the backbone predicts `positions`; a row's first token, which nothing precedes, at itself."""
        if not self.shifted:
            return positions
        rows, columns = positions.unbind(1)
        padding = canvas.answer_start - canvas.prompt_lengths[rows]
        return torch.stack([rows, torch.maximum(columns - 1, padding)], dim=1)

    def seen(self, canvas: Canvas) -> Tensor | None:
        """Bool [R, 1, 1 or L, L]: who sees whom; None: all see all."""
        if canvas.pair_mask is not None:
            seen = canvas.pair_mask
        elif self.block is None and bool(canvas.attention_mask.all()):
            return None
        else:
            seen = canvas.attention_mask.unsqueeze(1)
        if self.block is not None:
            blocks = canvas.position_ids // self.block
            seen = seen & (blocks.unsqueeze(1) <= blocks.unsqueeze(2))
        return seen.unsqueeze(1)

    def _cached(self, canvas: Canvas, read_at: Tensor, use: CacheUse) -> Tensor:
        span = Span(use.memory, canvas, use, int(self.shifted))
        rows, columns = read_at.unbind(1)
        read_at = torch.stack([rows, columns - span.first[rows]], dim=1)
        ids = canvas.ids.gather(1, span.columns)
        return self.network(ids, span.position_ids, span.allowed(self.block), read_at, span.exchange)


def read_setup(checkpoint: Checkpoint, family: Family, dtype: torch.dtype) -> Setup:
    """Everything about a checkpoint but its weights; ArtifactError for what does not fit together."""
    config = checkpoint.config
    shape = family.shape(config)
    tokens = Tokens(checkpoint.folder, family.chat)
    ids, notes = _special_ids(config, family)
    check_vocabulary(config, shape.vocab_size, tokens, ids)
    with torch.device("meta"):
        network = Backbone(shape, family.mlp_of(config)).to(dtype)
    block = None if family.block is None else family.block(config, checkpoint.name)
    return Setup(family, network, tokens, ids, block, (*tokens.notes, *notes))


def load_masked(
    checkpoint: Checkpoint, family: Family, device: torch.device, dtype: torch.dtype | None
) -> MaskedDenoiser:
    """The checkpoint on `device`; on "meta" without its weights, see `pbench.models.weights.fill`."""
    dtype = dtype or torch.float32
    setup = read_setup(checkpoint, family, dtype)
    digests = fill(setup.network, checkpoint, family.names, device)
    identity = checkpoint.identity(family.name, str(dtype).removeprefix("torch."), digests)
    return MaskedDenoiser(checkpoint.name, setup, identity)


def _special_ids(config: Config, family: Family) -> tuple[SpecialIds, list[str]]:
    """The ids of config.json, those of the family's published checkpoints where it has none."""
    notes, found = [], []
    for key in ("mask", "eos", "pad"):
        published = getattr(family.published, key)
        name = f"{key}_token_id"
        if config.values.get(name) is None:
            notes.append(f"{config.path}: no {name}; {family.name}'s published {published} is used")
        value = config.values.get(name)
        first = value[0] if isinstance(value, list) and value else value
        found.append(Config(config.path, {name: first}).integer(name, published))
    return SpecialIds(*found), notes


def check_vocabulary(config: Config, vocab_size: int, tokens: Tokens, ids: SpecialIds) -> None:
    """ArtifactError if tokenizer, special ids and embedding disagree."""
    if tokens.size > vocab_size:
        raise ArtifactError(
            f"{config.path.parent}: the tokenizer has ids up to {tokens.size - 1}, but config.json"
            f" an embedding of {vocab_size} rows; they are of different models"
        )
    for key, value in (("mask", ids.mask), ("eos", ids.eos), ("pad", ids.pad)):
        if value >= vocab_size:
            raise ArtifactError(
                f"{config.path}: {key}_token_id {value} is beyond the vocabulary of {vocab_size}"
            )
    if ids.mask in (ids.eos, ids.pad):
        raise ArtifactError(f"{config.path}: mask_token_id {ids.mask} is the id of EOS or pad too")
