"""The family of the bundled model: a checkpoint folder behind the Denoiser protocol.

The vocabulary is closed: every fixed piece of a prompt is one token, and so is every name. A
prompt with anything else in it is refused. In-context examples are dropped (the model knows its
tasks); it reads the last message only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from pbench.errors import ArtifactError, UsageError
from pbench.interfaces import CacheUse, Canvas, Capabilities
from pbench.models.checkpoint import Checkpoint
from pbench.models.tiny_network import TinyConfig, TinyNetwork
from pbench.models.tiny_paths import TinyMemory, beside_hidden, cached_logits
from pbench.records import Sample

__all__ = ["FILES", "TinyDenoiser", "load", "load_tiny"]

FILES = ("config.json", "model.safetensors", "tokenizer.json")


class TinyDenoiser:
    """See `pbench.interfaces.Denoiser`; float32 always, for exact ties are rarer than in bfloat16."""

    family = "pbench_tiny"

    def __init__(
        self, name: str, config: TinyConfig, network: TinyNetwork, tokenizer: Tokenizer, files: dict[str, str]
    ):
        self.name = name
        self.config = config
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.identity: Mapping[str, Any] = {"name": name, "family": self.family, "files": files}
        self.capabilities = Capabilities(
            max_length=config.max_prompt_length + config.max_answer_length,
            position_ids=True,
            arbitrary_mask=True,
            kv_cache=True,
            max_answer_length=config.max_answer_length,
        )
        self.vocab_size = config.vocab_size
        self.mask_token_id = config.mask_token_id
        self.eos_token_id = config.eos_token_id
        self.pad_token_id = config.pad_token_id
        self.device = network.embed.weight.device

    def supports(self, task: str) -> str | None:
        if task in self.config.tasks:
            return None
        return "it was trained on " + ", ".join(self.config.tasks)

    def encode(self, sample: Sample) -> list[int]:
        text = sample.messages[-1]["content"]
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        if self.config.unk_token_id in ids:
            raise UsageError(
                f"{sample.sample_id}: {self.name} cannot read this prompt; its vocabulary is closed"
                f" over the prompts and names of {', '.join(self.config.tasks)}"
            )
        if len(ids) > self.config.max_prompt_length:
            raise UsageError(
                f"{sample.sample_id}: the prompt has {len(ids)} tokens, {self.name} reads at most"
                f" {self.config.max_prompt_length}"
            )
        if sample.gen_length > self.config.max_answer_length:
            raise UsageError(
                f"{sample.sample_id}: gen_length {sample.gen_length} is more than the"
                f" {self.config.max_answer_length} positions of {self.name}"
            )
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def encode_text(self, text: str) -> list[int]:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        if self.config.unk_token_id in ids:
            raise UsageError(f"{self.name} cannot write {text!r}: its vocabulary is closed")
        return ids

    def new_cache(self) -> TinyMemory:
        return TinyMemory(self.network)

    @torch.inference_mode()
    def logits(self, canvas: Canvas, positions: Tensor, cache: CacheUse | None = None) -> Tensor:
        if cache is not None:
            logits = cached_logits(self.network, cache.memory, canvas, positions, cache)
        else:
            hidden = self._hidden(canvas)
            mask, start = canvas.attention_mask, canvas.answer_start
            logits = self.network.head(hidden, positions, canvas.ids, mask, start)
        logits[:, self.mask_token_id] = -torch.inf
        return logits

    def _hidden(self, canvas: Canvas) -> Tensor:
        if canvas.pair_mask is not None:
            return beside_hidden(self.network, canvas)
        return self.network.hidden(
            canvas.ids, canvas.attention_mask, canvas.position_ids, canvas.answer_start
        )


def load_tiny(
    folder: Path, name: str, device: torch.device, dtype: torch.dtype | None = None
) -> TinyDenoiser:
    """Read a checkpoint folder; ArtifactError names the file that is missing or wrong."""
    if dtype not in (None, torch.float32):
        raise UsageError(f"{name} is float32 always; drop --dtype")
    contents = {file: _bytes(folder / file) for file in FILES}
    try:
        config = TinyConfig.model_validate_json(contents["config.json"])
    except ValidationError as error:
        problem = error.errors()[0]
        raise ArtifactError(f"{folder / 'config.json'}: {problem['loc']}: {problem['msg']}") from None
    network = TinyNetwork(config)
    try:
        network.load_state_dict(load_file(folder / "model.safetensors"))
    except (SafetensorError, RuntimeError) as error:
        raise ArtifactError(f"{folder / 'model.safetensors'}: {' '.join(str(error).split())}") from None
    try:
        tokenizer = Tokenizer.from_buffer(contents["tokenizer.json"])
    except Exception as error:  # the library raises bare Exception
        raise ArtifactError(f"{folder / 'tokenizer.json'}: {error}") from None
    tokens = tokenizer.get_vocab_size()
    if tokens != config.vocab_size:
        raise ArtifactError(f"{folder}: tokenizer.json has {tokens} tokens, config.json {config.vocab_size}")
    files = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    return TinyDenoiser(name, config, network.to(device), tokenizer, files)


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> TinyDenoiser:
    """`load_tiny` for the catalogue."""
    return load_tiny(checkpoint.folder, checkpoint.name, device, dtype)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}") from None
