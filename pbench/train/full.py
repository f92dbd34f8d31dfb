"""Fine-tuning of every weight, for small models: the checkpoint folder that comes out of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from torch import nn

from pbench.errors import UsageError
from pbench.models.checkpoint import SMALL_FILES
from pbench.models.llada import file_name
from pbench.train.forward import Tunable
from pbench.train.weights import write_weights

__all__ = ["all_parameters", "save_full"]

_AS_NAMED = ("pbench_tiny", "dream", "sdar", "fast-dllm-v2")


def all_parameters(denoiser: Tunable) -> dict[str, nn.Parameter]:
    """Every parameter, made trainable; UsageError for families whose files cannot be written here."""
    if denoiser.family not in (*_AS_NAMED, "llada"):
        raise UsageError(
            f"--model {denoiser.name}: every weight of a {denoiser.family} model cannot be trained here;"
            " `pbench train lora` trains adapters"
        )
    denoiser.network.requires_grad_(True)
    return dict(denoiser.network.named_parameters())


def save_full(folder: Path, source: Path, denoiser: Tunable) -> None:
    """Write a checkpoint folder: the small files of `source`, and the weights as they are now."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*SMALL_FILES, "frequencies.json"):
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)
    named = file_name if denoiser.family == "llada" else str
    tensors = {named(name): p.detach().cpu().contiguous() for name, p in denoiser.network.named_parameters()}
    write_weights(folder / "model.safetensors", tensors, {"format": "pt"})
