"""Autoregressive models in this process, through transformers: `hf:` before a folder or a hub id.

As text generators they write one token a forward pass; as verifiers (`--verifier`, see the sampler
apd) they judge a draft. The loop around the network is our own, so that a sample's tokens depend on
its own random numbers only. Shapes: R rows, L columns, N positions, V vocabulary.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pbench.config import Strict, validate_options
from pbench.interfaces import Canvas, Context, GenerationSettings
from pbench.models.autoregressive_files import Setup, digests, load_network, read_setup
from pbench.models.checkpoint import Checkpoint
from pbench.models.next_token import check_drawing, next_tokens
from pbench.models.written_row import WrittenRow
from pbench.records import Generation, Sample

__all__ = ["Autoregressive", "load"]


class NoOptions(Strict):
    """An autoregressive model has no options of its own."""


class Autoregressive:
    """See `pbench.interfaces.TextGenerator` and `Verifier`; `network` None: only what needs no weights."""

    family = "hf"
    Options = NoOptions

    def __init__(
        self,
        name: str,
        setup: Setup,
        network: Any,
        identity: Mapping[str, Any],
        device: torch.device,
    ):
        self.name = name
        self.identity = identity
        self.device = device
        self.vocab_size = setup.vocab_size
        self.max_length = setup.max_length
        self.tokens = setup.tokens
        self.ends: Collection[int] = setup.ends
        self._network = network
        self._last_only = {"logits_to_keep": 1} if _keeps_logits(network) else {}

    def supports(self, _task: str) -> str | None:
        return None

    def context(self, _settings: GenerationSettings) -> Context:
        return Context(self.max_length)

    def encode(self, sample: Sample) -> list[int]:
        """Prompt token ids; without a chat template the messages, blank lines between them."""
        return self.tokens.encode(self.tokens.prompt(sample.messages))

    def encode_text(self, text: str) -> list[int]:
        """Token ids of a piece of text, nothing added."""
        return self.tokens.encode(text)

    def run(self, samples: Iterable[Sample], settings: GenerationSettings) -> Iterator[Generation]:
        validate_options(NoOptions, settings.options, f"model {self.name!r}")
        check_drawing(settings)
        waiting = list(samples)
        for start in range(0, len(waiting), settings.batch_size):
            opened = [self._open(sample, settings.seed) for sample in waiting[start:][: settings.batch_size]]
            yield from (row for row in opened if isinstance(row, Generation))
            rows = [row for row in opened if isinstance(row, WrittenRow)]
            if rows:
                yield from self._write(rows, settings)

    @torch.inference_mode()
    def log_probs(self, canvas: Canvas, positions: Tensor) -> Tensor:
        """See `pbench.interfaces.Verifier`; ids that this model does not have are read as id 0."""
        ids = canvas.ids.masked_fill(canvas.ids >= self.vocab_size, 0)
        before = positions[:, 1] - 1
        columns, place = before.unique(return_inverse=True)
        kept = {"logits_to_keep": columns} if self._last_only else {}
        logits = self._network(
            input_ids=ids,
            attention_mask=canvas.attention_mask.long(),
            position_ids=canvas.position_ids,
            use_cache=False,
            **kept,
        ).logits
        found = logits[positions[:, 0], place if kept else before]
        return found[:, : self.vocab_size].float().log_softmax(1)

    def _open(self, sample: Sample, seed: int) -> WrittenRow | Generation:
        row = WrittenRow(sample, self.encode(sample), seed)
        if not row.prompt:
            return row.failure("prompt", "the prompt has no tokens")
        if len(row.prompt) + sample.gen_length > self.max_length:
            longest = f"prompt {len(row.prompt)} + gen_length {sample.gen_length} tokens"
            return row.failure("too_long", f"{longest} is more than the model's {self.max_length}")
        return row

    @torch.inference_mode()
    def _write(self, rows: list[WrittenRow], settings: GenerationSettings) -> Iterator[Generation]:
        """Token by token for all rows; a finished one leaves the batch."""
        from transformers import DynamicCache

        ids, mask = _left_padded([row.prompt for row in rows], self.device)
        positions = (mask.cumsum(1) - 1).clamp_min(0)
        cache = DynamicCache()
        while rows:
            started = time.perf_counter()
            logits = self._last_logits(ids, mask, positions, cache)
            tokens, scores = next_tokens(logits, settings, [row.stream for row in rows])
            share = (time.perf_counter() - started) / len(rows)
            for row in rows:
                row.count_forward(share)
            staying = yield from self._advance(rows, tokens.tolist(), scores.tolist())
            keep = torch.tensor(staying, dtype=torch.long, device=self.device)
            if staying and len(staying) < len(rows):
                cache.batch_select_indices(keep)
            rows = [rows[place] for place in staying]
            ids = tokens[keep].unsqueeze(1)
            mask = torch.cat([mask[keep], torch.ones_like(ids)], dim=1)
            positions = positions[keep, -1:] + 1

    def _last_logits(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Logits [R, V] after the last of `ids` [R, L]; what went before is in `cache`."""
        output = self._network(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **self._last_only,
        )
        return output.logits[:, -1, : self.vocab_size]

    def _advance(
        self, rows: Sequence[WrittenRow], tokens: Sequence[int], scores: Sequence[float]
    ) -> Generator[Generation, None, list[int]]:
        """Write the next tokens and hand out the rows that are finished; the places of the others."""
        staying = []
        for place, (row, token, score) in enumerate(zip(rows, tokens, scores, strict=True)):
            if math.isnan(score):
                yield row.failure("non_finite", f"NaN or infinity in the logits of token {len(row.ids) + 1}")
                continue
            row.write(token, score)
            if row.finished(self.ends):
                yield row.generation(self.ends, self.tokens.decode)
            else:
                staying.append(place)
        return staying


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> Autoregressive:
    """The checkpoint on `device`, float32 where no dtype is given; on "meta" without its weights.

    UsageError for an architecture that transformers does not have, ArtifactError for broken files.
    """
    wanted = dtype or torch.float32
    setup = read_setup(checkpoint)
    named = str(wanted).removeprefix("torch.")
    identity = checkpoint.identity("hf", named, digests(checkpoint))
    network = None if device.type == "meta" else load_network(checkpoint, setup, wanted).to(device)
    return Autoregressive(checkpoint.name, setup, network, identity, device)


def _keeps_logits(network: Any) -> bool:
    """Whether the vocabulary projection can be had for some columns only."""
    return network is not None and "logits_to_keep" in inspect.signature(network.forward).parameters


def _left_padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and attention mask [R, L], int64; 0 on padding."""
    width = max(map(len, prompts))
    ids = [[0] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)
