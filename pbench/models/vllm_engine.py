"""Autoregressive models in this process through vLLM: `vllm:` before a folder or a hub id.

Prompts are rendered and encoded here, as for `hf:`, so that both read the same tokens; vLLM gets ids
and answers in batches. Written against the interface of vllm 0.33 (LLM.generate, SamplingParams,
RequestOutput); see docs/baselines.md for what of it has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from pbench.config import Strict, content_hash, validate_options
from pbench.errors import UsageError
from pbench.interfaces import Context, GenerationSettings
from pbench.models.autoregressive_files import Setup, digests, read_setup
from pbench.models.checkpoint import Checkpoint
from pbench.models.next_token import check_drawing
from pbench.records import Generation, Sample, Status

__all__ = ["VllmGenerator", "load"]

_STATUS: dict[str | None, Status] = {"stop": "ok", "length": "truncated"}


class NoOptions(Strict):
    """A model in vLLM has no options of its own."""


class VllmGenerator:
    """See `pbench.interfaces.TextGenerator`; `engine` None: only what needs no weights.

    vLLM decides how many tokens a forward pass writes, so that the NFE is unknown.
    """

    family = "vllm"
    Options = NoOptions
    device = "vllm"

    def __init__(self, name: str, setup: Setup, engine: Any, identity: Mapping[str, Any]):
        self.name = name
        self.identity = identity
        self.max_length = setup.max_length
        self.tokens = setup.tokens
        self._ends = sorted(setup.ends)
        self._engine = engine

    def supports(self, _task: str) -> str | None:
        return None

    def context(self, _settings: GenerationSettings) -> Context:
        return Context(self.max_length)

    def encode(self, sample: Sample) -> list[int]:
        """Prompt token ids; without a chat template the messages, blank lines between them."""
        return self.tokens.encode(self.tokens.prompt(sample.messages))

    def run(self, samples: Iterable[Sample], settings: GenerationSettings) -> Iterator[Generation]:
        validate_options(NoOptions, settings.options, f"model {self.name!r}")
        check_drawing(settings)
        waiting = list(samples)
        for start in range(0, len(waiting), settings.batch_size):
            yield from self._batch(waiting[start:][: settings.batch_size], settings)

    def _batch(self, samples: Sequence[Sample], settings: GenerationSettings) -> Iterator[Generation]:
        """One submission; a sample that does not fit is a row, and the others go on."""
        prompts = {sample.sample_id: self.encode(sample) for sample in samples}
        fitting = []
        for sample in samples:
            length = len(prompts[sample.sample_id])
            if length and length + sample.gen_length <= self.max_length:
                fitting.append(sample)
            else:
                yield _too_long(sample, length, self.max_length, settings.seed)
        if fitting:
            outputs = self._engine.generate(
                [{"prompt_token_ids": prompts[sample.sample_id]} for sample in fitting],
                [self._params(sample, settings) for sample in fitting],
                use_tqdm=False,
            )
            for sample, output in zip(fitting, outputs, strict=True):
                yield self._row(sample, len(prompts[sample.sample_id]), output.outputs[0], settings.seed)

    def _params(self, sample: Sample, settings: GenerationSettings) -> Any:
        """Everything that vLLM would otherwise take from the checkpoint's generation_config.json."""
        from vllm import SamplingParams

        drawn = settings.temperature > 0
        return SamplingParams(
            temperature=settings.temperature,
            top_p=1.0 if settings.top_p is None else settings.top_p,
            top_k=0 if settings.top_k is None else settings.top_k,
            max_tokens=sample.gen_length,
            stop_token_ids=self._ends,
            seed=_seed(sample, settings.seed) if drawn else None,
        )

    def _row(self, sample: Sample, length: int, completion: Any, seed: int) -> Generation:
        """The row of a request's one completion; how it ended decides the status."""
        ids = tuple(completion.token_ids)
        content = len(ids) - (bool(ids) and ids[-1] in self._ends)
        text = self.tokens.decode(ids[:content])
        status = _STATUS.get(completion.finish_reason, "error")
        if status == "ok" and not text.strip():
            status = "empty"
        broken = status == "error"
        return Generation(
            sample=sample,
            status=status,
            output_text="" if broken else text,
            error_kind="unfinished" if broken else None,
            error=f"vLLM ended it with finish_reason {completion.finish_reason!r}" if broken else None,
            output_ids=ids,
            input_length=length,
            gen_length=len(ids) or sample.gen_length,
            content_length=content,
            seed=seed,
        )


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> VllmGenerator:
    """The checkpoint in a vLLM engine, in the dtype of its config.json where none is given.

    On "meta" without the engine. UsageError if vLLM is not installed or cannot load it.
    """
    setup = read_setup(checkpoint)
    named = "auto" if dtype is None else str(dtype).removeprefix("torch.")
    identity = checkpoint.identity("vllm", named, digests(checkpoint))
    engine = None if device.type == "meta" else _engine(checkpoint, named)
    return VllmGenerator(checkpoint.name, setup, engine, identity)


def _engine(checkpoint: Checkpoint, dtype: str) -> Any:
    try:
        from vllm import LLM
    except ImportError:
        raise UsageError("vllm: models need the package vllm; pip install 'pbench[vllm]'") from None
    try:
        return LLM(model=str(checkpoint.folder), dtype=dtype)
    except (ValueError, RuntimeError, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UsageError(f"vllm:{checkpoint.folder}: {first}") from None


def _seed(sample: Sample, seed: int) -> int:
    """A sample's own seed: batch neighbours change nothing."""
    return int(content_hash([seed, sample.task, sample.index])[:8], 16)


def _too_long(sample: Sample, length: int, most: int, seed: int) -> Generation:
    said = f"prompt {length} + gen_length {sample.gen_length} tokens is more than the model's {most}"
    return Generation(
        sample=sample,
        status="error",
        output_text="",
        error_kind="too_long" if length else "prompt",
        error=said if length else "the prompt has no tokens",
        input_length=length,
        gen_length=sample.gen_length,
        seed=seed,
    )
