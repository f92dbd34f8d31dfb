"""What turns samples into answers: engines around a denoiser, or a text generator, in one process.

A model at work (`Answerer`) gives answers at any batch size; `LocalRunner` keeps it going when a
batch does not fit into memory. `pbench.decode.hosts` says where else a model can be at work.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from pbench.decode.context import check_answers, check_context
from pbench.decode.engine import Engine
from pbench.decode.memory import AUTO, BatchSize, largest_batch, out_of_memory, sample_size
from pbench.decode.options import EngineOptions
from pbench.decode.vocabulary import token_texts
from pbench.errors import UsageError
from pbench.interfaces import (
    CacheUse,
    Canvas,
    Context,
    Denoiser,
    GenerationSettings,
    Sampler,
    TextGenerator,
    Verifier,
)
from pbench.records import Generation, Sample

__all__ = ["Answerer", "Engines", "LocalRunner", "Runner", "Texts", "by_length", "failed_row"]

_POSITION_BYTES = 2**18  # activations of one position of an 8B model in float32 (mlp 3 x 12288, d 5 x 4096)
_CACHE_BYTES = 2**20  # its keys and values (32 layers, 2 x 4096)
_LOGIT_COPIES = 6  # float32 logits and the statistics of them
_CHARACTERS = 2  # of a token, at least


class Runner(Protocol):
    """Decodes samples somewhere; `notes` are what a reader of the results should know of it."""

    @property
    def notes(self) -> list[str]: ...

    def check(self, samples: Sequence[Sample]) -> None:
        """UsageError for what cannot work, before any forward pass."""
        ...

    def run(self, samples: Sequence[Sample]) -> Generator[Generation, None, None]:
        """One row for each sample, in the order in which they get ready."""
        ...

    def facts(self) -> dict[str, Any]:
        """Where and how it ran (devices, batch sizes), for the manifest."""
        ...

    def tokens(self, rows: Sequence[Generation]) -> dict[str, Any] | None:
        """As `Answerer.tokens`."""
        ...


class Answerer(Protocol):
    """A loaded model with its settings; what it answers does not depend on the batch size."""

    @property
    def device(self) -> str: ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """The model's, as it stands in manifests."""
        ...

    def check(self, samples: Sequence[Sample]) -> None:
        """UsageError for what cannot work."""
        ...

    def answers(self, samples: Sequence[Sample], batch_size: int) -> Iterator[Generation]:
        """One row for each sample."""
        ...

    def row_bytes(self, samples: Sequence[Sample]) -> int:
        """What one row of a batch of these may need, generously."""
        ...

    def tokens(self, rows: Sequence[Generation]) -> dict[str, Any] | None:
        """Texts of the token ids in `rows` (see `vocabulary`); None where ids mean nothing to a reader."""
        ...

    def probe(self, samples: Sequence[Sample]) -> None:
        """Do with these rows, as one batch, what takes most memory; nothing is kept."""
        ...


@dataclass(frozen=True, slots=True)
class Engines:
    """A denoiser under a sampler: one engine for each gen_length."""

    denoiser: Denoiser
    sampler: Sampler
    options: EngineOptions
    verifier: Verifier | None = None

    @property
    def device(self) -> str:
        return str(self.denoiser.device)

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.denoiser.identity

    def check(self, samples: Sequence[Sample]) -> None:
        name, can = self.denoiser.name, self.denoiser.capabilities
        check_answers(name, can.max_answer_length, samples)
        check_context(name, self.denoiser.encode, Context(can.max_length), samples)
        for length in by_length(samples):
            self._engine(self.denoiser, length, 1)

    def answers(self, samples: Sequence[Sample], batch_size: int) -> Iterator[Generation]:
        for length, of_length in by_length(samples).items():
            yield from self._engine(self.denoiser, length, batch_size).run(of_length)

    def tokens(self, rows: Sequence[Generation]) -> dict[str, Any]:
        return token_texts(self.denoiser, rows)

    def row_bytes(self, samples: Sequence[Sample]) -> int:
        longest = max(samples, key=sample_size)
        try:
            positions = len(self.denoiser.encode(longest)) + longest.gen_length
        except UsageError:
            positions = self.denoiser.capabilities.max_length
        kept = 0 if self.options.cache == "none" else _CACHE_BYTES
        logits = 4 * _LOGIT_COPIES * longest.gen_length * self.denoiser.vocab_size
        return logits + positions * (_POSITION_BYTES + kept)

    def probe(self, samples: Sequence[Sample]) -> None:
        engine = self._engine(_OneForward(self.denoiser), samples[0].gen_length, len(samples))
        alike = [replace(sample, gen_length=samples[0].gen_length) for sample in samples]
        try:
            for _ in engine.run(alike):
                pass
        except _EnoughError:
            pass

    def _engine(self, denoiser: Denoiser, gen_length: int, batch_size: int) -> Engine:
        options = replace(self.options, batch_size=batch_size)
        return Engine(denoiser, self.sampler, gen_length, options, self.verifier)


@dataclass(frozen=True, slots=True)
class Texts:
    """A text generator with its settings."""

    generator: TextGenerator
    settings: GenerationSettings

    @property
    def device(self) -> str:
        return str(getattr(self.generator, "device", "cpu"))  # a remote model has none

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.generator.identity

    def check(self, samples: Sequence[Sample]) -> None:
        for _ in self.generator.run((), self.settings):
            pass
        encode, context = getattr(self.generator, "encode", None), getattr(self.generator, "context", None)
        if encode is not None and context is not None:  # a remote model has neither
            check_context(self.generator.name, encode, context(self.settings), samples)

    def facts(self) -> dict[str, Any]:
        """What a remote model knows of how it was asked."""
        found: dict[str, Any] = getattr(self.generator, "facts", dict)()
        return found

    def answers(self, samples: Sequence[Sample], batch_size: int) -> Iterator[Generation]:
        yield from self.generator.run(samples, replace(self.settings, batch_size=batch_size))

    def tokens(self, rows: Sequence[Generation]) -> None:  # noqa: ARG002 - its answers are texts
        return None

    def row_bytes(self, samples: Sequence[Sample]) -> int:
        longest = max(map(sample_size, samples))
        return longest // _CHARACTERS * (_POSITION_BYTES + _CACHE_BYTES)

    def probe(self, samples: Sequence[Sample]) -> None:
        for _ in self.answers(samples, len(samples)):
            pass


class LocalRunner:
    """Decodes in this process; a batch that does not fit is halved, down to single samples.

    See `Runner`. `sharers` processes share the machine's memory (for `--batch-size auto`).
    """

    def __init__(self, model: Answerer, batch_size: BatchSize, sharers: int = 1):
        self.model = model
        self.asked = batch_size
        self.batch_size = 0 if batch_size == AUTO else batch_size
        self.sharers = sharers
        self.notes: list[str] = []
        self._one_by_one = False

    def check(self, samples: Sequence[Sample]) -> None:
        self.model.check(samples)

    def tokens(self, rows: Sequence[Generation]) -> dict[str, Any] | None:
        return self.model.tokens(rows)

    def facts(self) -> dict[str, Any]:
        own = {"devices": [self.model.device], "batch_size": self.asked, "batch_sizes": [self.batch_size]}
        return own | getattr(self.model, "facts", dict)()

    def prepare(self, samples: Sequence[Sample]) -> None:
        """Find the batch size for samples like these where it is `auto`."""
        if not self.batch_size and samples:
            self.batch_size = largest_batch(self.model, samples, self.sharers)

    def run(self, samples: Sequence[Sample]) -> Generator[Generation, None, None]:
        self.prepare(samples)
        left = {sample.sample_id: sample for sample in samples}
        while left:
            try:
                for generation in self._attempt(list(left.values())):
                    del left[generation.sample.sample_id]
                    yield generation
            except Exception as error:
                if not out_of_memory(error):
                    raise
                message = f"{self.model.device}: {_first_line(error)}"
            else:
                break
            # Outside of `except`: the error's traceback would keep the tensors of the failed batch.
            yield from self._less(left, message)

    def _attempt(self, samples: Sequence[Sample]) -> Iterator[Generation]:
        """All of them; one by one once even a batch of one was too much, so that it is known which one is."""
        if not self._one_by_one:
            yield from self.model.answers(samples, self.batch_size)
            return
        for sample in samples:
            yield from self.model.answers([sample], 1)

    def _less(self, left: dict[str, Sample], message: str) -> Iterator[Generation]:
        """After running out of memory: half the batch, then one by one, then a sample is given up."""
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.batch_size > 1:
            smaller = self.batch_size // 2
            self.notes.append(
                f"{self.model.device}: out of memory at batch size {self.batch_size}, went on with {smaller}"
            )
            self.batch_size = smaller
        elif not self._one_by_one:
            self._one_by_one = True
        else:
            yield failed_row(left.pop(next(iter(left))), "out_of_memory", message)


class _EnoughError(Exception):
    """The second forward pass of a probe."""


class _OneForward:
    """A denoiser that is asked for logits once."""

    def __init__(self, denoiser: Denoiser):
        self._denoiser = denoiser
        self._asked = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._denoiser, name)

    def logits(self, canvas: Canvas, positions: torch.Tensor, cache: CacheUse | None = None) -> torch.Tensor:
        if self._asked:
            raise _EnoughError
        self._asked = True
        if cache is None:
            return self._denoiser.logits(canvas, positions)
        return self._denoiser.logits(canvas, positions, cache)


def by_length(samples: Sequence[Sample]) -> dict[int, list[Sample]]:
    """Samples by gen_length, short ones first, each in the order given."""
    lengths = sorted({sample.gen_length for sample in samples})
    return {length: [sample for sample in samples if sample.gen_length == length] for length in lengths}


def failed_row(sample: Sample, kind: str, message: str) -> Generation:
    """The row that stands for an answer that no model could give."""
    return Generation(
        sample=sample,
        status="error",
        output_text="",
        error_kind=kind,
        error=message,
        gen_length=sample.gen_length,
    )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
