"""Which models there are, and how a name or a folder becomes one. Importing this loads no torch.

A folder takes its family from the `model_type` of its config.json. Third parties add families by
the entry point group `pbench.models`: the entry's name is the model_type, its value a loader
`(folder: Path, name: str, device) -> Denoiser`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from pbench.config import checkpoint_config
from pbench.errors import ArtifactError, UsageError, unknown_name
from pbench.interfaces import Denoiser

__all__ = ["ModelInfo", "find_model", "known_models", "load_model"]

_BUNDLED = Path(__file__).parent / "bundled"
_FAMILIES = {"pbench_tiny": "pbench.models.tiny:load_tiny", "oracle": "pbench.models.oracle:load_oracle"}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be asked for; `why` says what is missing where it is not available."""

    name: str
    family: str
    kind: Literal["diffusion", "autoregressive"]
    folder: Path | None
    why: str | None = None

    @property
    def available(self) -> bool:
        return self.why is None


def known_models() -> list[ModelInfo]:
    """The models that have a name of their own."""
    return [
        ModelInfo("tiny", "pbench_tiny", "diffusion", _BUNDLED / "tiny"),
        ModelInfo("oracle", "oracle", "diffusion", None),
    ]


def find_model(name_or_path: str) -> ModelInfo:
    """What `--model` stands for: a known name, or a local folder with a config.json.

    UsageError for unknown names and families, ArtifactError for a folder that is no checkpoint.
    """
    for info in known_models():
        if info.name == name_or_path:
            return info
    folder = Path(name_or_path)
    if not folder.is_dir():
        raise unknown_name("model", name_or_path, [info.name for info in known_models()])
    family = _family_of(folder)
    if family not in _family_names():
        raise UsageError(f"{folder}: family {family!r} is not known; known: {', '.join(_family_names())}")
    return ModelInfo(folder.resolve().name, family, "diffusion", folder)


def load_model(info: ModelInfo, device: str) -> Denoiser:
    """Load the weights onto `device` ("cpu", "cuda:0", ...)."""
    import torch

    try:
        target = torch.device(device)
    except RuntimeError:
        raise UsageError(f"--device {device!r} is no device; try cpu or cuda:0") from None
    if target.type == "cuda" and (target.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"--device {device}: this machine has {torch.cuda.device_count()} CUDA devices")
    return _loader(info.family)(info.folder, info.name, target)


def _family_of(folder: Path) -> str:
    family = checkpoint_config(folder).get("model_type")
    if not isinstance(family, str):
        raise ArtifactError(f"{folder / 'config.json'}: has no model_type")
    return family


def _family_names() -> list[str]:
    return [*_FAMILIES, *(point.name for point in entry_points(group="pbench.models"))]


def _loader(family: str) -> Callable[..., Denoiser]:
    if family in _FAMILIES:
        module, _, attribute = _FAMILIES[family].partition(":")
        return getattr(import_module(module), attribute)
    point = next(point for point in entry_points(group="pbench.models") if point.name == family)
    try:
        loader: Any = point.load()
    except Exception as error:
        raise UsageError(f"model family {family!r} from {point.value} cannot be loaded: {error}") from error
    return loader
