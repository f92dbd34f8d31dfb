"""A checkpoint of a family that pbench does not know, run by its own code (`auto_map`) if it is trusted.

What is assumed of that code is little: `forward(input_ids [1, L])` gives logits [1, L, V], in which every
position sees every other one. No cache, no masks, no position ids and no padding: each row is a forward
pass of its own, so that a row's logits are the same in every batch. Whether the head predicts the
position itself (family `auto-map`) or the next one (`auto-map-shifted`) the user says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pbench.errors import ArtifactError, PbenchError, UsageError
from pbench.interfaces import CacheUse, Canvas, Capabilities
from pbench.models.auto_map_files import Setup, foreign, load_network, read_setup
from pbench.models.checkpoint import Checkpoint
from pbench.models.weights import weight_files
from pbench.records import Sample

__all__ = ["AutoMapped", "load", "load_shifted"]

_PROBE = 4  # positions: enough to see what comes out


class AutoMapped:
    """See `pbench.interfaces.Denoiser`; `network` None: only what needs no weights, and no code was run."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        setup: Setup,
        network: Any,
        identity: Mapping[str, Any],
        device: torch.device,
        *,
        shifted: bool,
    ):
        self.name = checkpoint.name
        self.identity = identity
        self.family = str(identity["family"])
        self.notes = setup.notes
        self.tokens = setup.tokens
        self.capabilities = Capabilities(max_length=setup.max_length)
        self.vocab_size = setup.vocab_size
        self.mask_token_id, self.eos_token_id, self.pad_token_id = (
            setup.ids.mask,
            setup.ids.eos,
            setup.ids.pad,
        )
        self.device = device
        self.shifted = shifted
        self.code = setup.code
        self._folder = checkpoint.folder
        self._network = network
        self._dtype = torch.float32
        if network is not None:  # its code is held to its contract before there is any work
            self._dtype = self.forward(torch.full((_PROBE,), self.mask_token_id, device=device)).dtype

    def supports(self, task: str) -> str | None:  # noqa: ARG002 - it can be asked anything
        return None

    def encode(self, sample: Sample) -> list[int]:
        ids = self.tokens.encode(self.tokens.prompt(sample.messages))
        if self.mask_token_id in ids:
            raise UsageError(f"{sample.sample_id}: the prompt holds the mask token of {self.name}")
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokens.decode(ids)

    def encode_text(self, text: str) -> list[int]:
        return self.tokens.encode(text)

    def new_cache(self) -> Any:
        raise PbenchError(f"a bug: {self.name} has no cache")

    @torch.inference_mode()
    def logits(self, canvas: Canvas, positions: Tensor, cache: CacheUse | None = None) -> Tensor:
        if cache is not None:
            self.new_cache()
        found = torch.empty(len(positions), self.vocab_size, dtype=self._dtype, device=self.device)
        for row in positions[:, 0].unique().tolist():
            start = canvas.answer_start - int(canvas.prompt_lengths[row])
            mine = positions[:, 0] == row
            columns = positions[mine, 1] - start
            if self.shifted:
                columns = (columns - 1).clamp_min(0)
            found[mine] = self.forward(canvas.ids[row, start : canvas.length])[columns]
        found[:, self.mask_token_id] = -torch.inf
        return found

    @torch.inference_mode()
    def forward(self, ids: Tensor) -> Tensor:
        """Logits [L, V] of one row's `ids` [L], as the checkpoint's code gives them.

        ArtifactError if it fails or gives something else.
        """
        with foreign(self._folder):
            output = self._network(input_ids=ids.unsqueeze(0))
        logits = output if isinstance(output, Tensor) else getattr(output, "logits", None)
        wanted = (1, len(ids), self.vocab_size)
        if not isinstance(logits, Tensor):
            raise self._wrong(f"a {type(output).__name__} without logits", wanted)
        if tuple(logits.shape) != wanted:
            raise self._wrong(f"logits {list(logits.shape)}", wanted)
        return logits[0]

    def facts(self) -> dict[str, Any]:
        """What `pbench models check` says of it."""
        ids = {"mask": self.mask_token_id, "eos": self.eos_token_id, "pad": self.pad_token_id}
        return {
            "context": self.capabilities.max_length,
            "attention": "everything (taken for granted)",
            "logits": "of the next position" if self.shifted else "of the position itself",
            "vocabulary": {"rows": self.vocab_size, "tokenizer": self.tokens.size},
            "special_tokens": {key: f"{value} {self.tokens.token(value)}" for key, value in ids.items()},
            "foreign_code": dict(self.code),
        }

    def _wrong(self, found: str, wanted: Sequence[int]) -> ArtifactError:
        return ArtifactError(
            f"{self._folder}: forward(input_ids [1, {wanted[1]}]) of its own code gives {found}; pbench needs"
            f" logits {list(wanted)}"
        )


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> AutoMapped:
    """The checkpoint on `device`, its code imported and tried on a few masks; on "meta" no code is run."""
    return _loaded(checkpoint, device, dtype or torch.float32, shifted=False)


def load_shifted(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> AutoMapped:
    """The same for a head that predicts the next position."""
    return _loaded(checkpoint, device, dtype or torch.float32, shifted=True)


def _loaded(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype, *, shifted: bool) -> AutoMapped:
    if checkpoint.hub is not None and checkpoint.trusted:
        from pbench.models.hub import fetch_code

        assert checkpoint.revision is not None
        fetch_code(checkpoint.hub, checkpoint.revision)
    setup = read_setup(checkpoint)
    digests = {}
    if checkpoint.hub is None:
        files = weight_files(checkpoint.folder, pickles=True)
        digests = {file.path.name: file.digest() for file in files}
    family = "auto-map-shifted" if shifted else "auto-map"
    identity = checkpoint.identity(family, str(dtype).removeprefix("torch."), digests)
    identity["code"] = setup.code
    network = None if device.type == "meta" else load_network(checkpoint, setup, dtype).to(device)
    return AutoMapped(checkpoint, setup, network, identity, device, shifted=shifted)
