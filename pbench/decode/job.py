"""All that a process needs to start decoding, as plain data: it is sent to workers as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pbench.decode.options import EngineOptions
from pbench.decode.runners import Answerer, Engines, Texts
from pbench.errors import UsageError
from pbench.interfaces import Denoiser, GenerationSettings, TextGenerator, Verifier
from pbench.models import ModelInfo, find_model, load_model
from pbench.samplers import make_sampler

__all__ = ["Job", "ModelChoice"]

_TEXT = '["Ann Lee", "Bob Day"] 12 x 34 = 408. Put the first one last; answer with a list only.'


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model, found already (a hub id has its commit), and in which dtype."""

    info: ModelInfo
    dtype: str | None = None

    def load(self, device: str) -> Denoiser | TextGenerator:
        """The model on `device`; on "meta" without its weights, for all that needs none."""
        return load_model(self.info, device, self.dtype)


@dataclass(frozen=True, slots=True)
class Job:
    """A model with its sampler and options, or with its settings if it is a text generator.

    `sampler_options` as `make_sampler` takes them; `sampler` None: the model must be a text generator.
    """

    model: ModelChoice
    sampler: str | None
    sampler_options: Mapping[str, Any] = field(default_factory=dict)
    options: EngineOptions = field(default_factory=EngineOptions)
    settings: GenerationSettings = field(default_factory=GenerationSettings)

    def load(self, device: str) -> Answerer:
        """The model on `device`, ready to answer."""
        return self.assemble(self.model.load(device), device)

    def assemble(self, model: Denoiser | TextGenerator, device: str) -> Answerer:
        """The same of a model that is loaded already."""
        if self.sampler is None:
            assert isinstance(model, TextGenerator)
            return Texts(model, self.settings)
        assert not isinstance(model, TextGenerator)
        return self.engines(model, device)

    def engines(self, denoiser: Denoiser, device: str) -> Engines:
        """`assemble` for a denoiser."""
        assert self.sampler is not None
        sampler = make_sampler(self.sampler, self.sampler_options)
        verifier = self._verifier(denoiser, sampler.options, device)
        return Engines(denoiser, sampler, self.options, verifier)

    def _verifier(self, denoiser: Denoiser, options: Any, device: str) -> Verifier | None:
        """The autoregressive model that the sampler's `--verifier` names, if it names one."""
        name = getattr(options, "verifier", None)
        if name is None:
            return None
        found = find_model(name)
        model = _kept(found, device, self.model.dtype if found.kind == "autoregressive" else None)
        if not isinstance(model, Verifier):
            raise UsageError(
                f"--verifier {name}: it must be an autoregressive model, which {found.family} is not"
            )
        _same_tokens(denoiser, model)
        return model


@lru_cache(maxsize=2)  # as it is looked at, and as it is used
def _kept(info: ModelInfo, device: str, dtype: str | None) -> Denoiser | TextGenerator:
    """The verifier of a run before, for the runs of a sweep that name the same."""
    return load_model(info, device, dtype)


def _same_tokens(denoiser: Denoiser, verifier: Verifier) -> None:
    """UsageError if a verifier that can be asked has other ids for the same text."""
    encode = getattr(verifier, "encode_text", None)
    if encode is None:
        return
    ours, theirs = _written(denoiser.encode_text), _written(encode)
    if ours != theirs or (ours is None and denoiser.family != getattr(verifier, "family", None)):
        raise UsageError(
            f"--verifier: {verifier.name} has other token ids than {denoiser.name};"
            " the two must share a tokenizer"
        )


def _written(encode: Callable[[str], list[int]]) -> list[int] | None:
    """Ids of a text; None: it cannot be written in a closed vocabulary."""
    try:
        return encode(_TEXT)
    except UsageError:
        return None
