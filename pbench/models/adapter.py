"""LoRA adapters (arXiv 2106.09685) in peft's files, merged into a loaded model's weights.

A folder holds adapter_config.json, adapter_model.safetensors and, where `pbench train lora` wrote
it, pbench.json: the model that it was trained on. peft itself is not needed to read one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pbench.errors import ArtifactError, UsageError

__all__ = ["ABOUT", "CONFIG", "WEIGHTS", "Adapter", "apply_adapter", "read_adapter", "same_model"]

CONFIG, WEIGHTS, ABOUT = "adapter_config.json", "adapter_model.safetensors", "pbench.json"
_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"
# Variants of peft that change the rule w + scale * B A, with the value that leaves it alone.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "use_dora": (False,),
    "fan_in_fan_out": (False,),
    "bias": ("none",),
    "modules_to_save": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "lora_bias": (False,),
    "trainable_token_indices": (None, []),
    "layer_replication": (None, []),
}


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter read from `folder`: pairs (A [r, in], B [out, r]) by module name, their `scale`.

    `base` is the identity of the model that it was trained on (None: the folder does not say);
    `files` are the SHA-256 of what was read.
    """

    folder: Path
    scale: float
    pairs: Mapping[str, tuple[Tensor, Tensor]]
    base: Mapping[str, Any] | None
    files: Mapping[str, str]


def read_adapter(folder: Path) -> Adapter:
    """ArtifactError for missing or broken files, UsageError for variants that are not plain LoRA."""
    config = _config(folder / CONFIG)
    tensors = _tensors(folder / WEIGHTS)
    pairs = {name: (a, b) for name, a, b in _paired(tensors, folder / WEIGHTS)}
    rank = config["r"]
    scale = config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
    wrong = [name for name, (a, b) in pairs.items() if a.shape[0] != rank or b.shape[1] != rank]
    if wrong:
        raise ArtifactError(f"{folder / WEIGHTS}: {wrong[0]} is not of rank {rank}, as {CONFIG} says")
    about = folder / ABOUT
    base = _json(about).get("base") if about.exists() else None
    names = [name for name in (CONFIG, WEIGHTS) if (folder / name).exists()]
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    return Adapter(folder, scale, pairs, base, files)


def same_model(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two identities are of the same weights; names of folders and the dtype may differ."""
    if one.get("family") != other.get("family") or one.get("adapter") != other.get("adapter"):
        return False
    if "hub" in one or "hub" in other:
        return (one.get("hub"), one.get("revision")) == (other.get("hub"), other.get("revision"))
    return one.get("files") == other.get("files")


def apply_adapter(network: nn.Module, identity: Mapping[str, Any], adapter: Adapter) -> None:
    """Add the adapter to the weights of `network` (on "meta": only check that it would fit).

    UsageError if it was trained on another model, or its matrices do not fit this one.
    """
    if adapter.base is not None and not same_model(adapter.base, identity):
        raise UsageError(
            f"--adapter {adapter.folder}: it was trained on {_said(adapter.base)}, not on {_said(identity)}"
        )
    modules = dict(network.named_modules())
    for name, (a, b) in adapter.pairs.items():
        module = modules.get(name)
        if not isinstance(module, nn.Linear):
            raise UsageError(f"--adapter {adapter.folder}: is for another model; this one has no {name}")
        found, wanted = (b.shape[0], a.shape[1]), tuple(module.weight.shape)
        if found != wanted:
            raise UsageError(
                f"--adapter {adapter.folder}: is for another model; its {name} is {list(found)},"
                f" this one's {list(wanted)}"
            )
    for name, (a, b) in adapter.pairs.items():
        _merge(modules[name], a, b, adapter.scale)


def _merge(module: nn.Module, a: Tensor, b: Tensor, scale: float) -> None:
    weight = module.weight
    assert isinstance(weight, Tensor)
    if weight.device.type == "meta":
        return
    with torch.no_grad():
        change = (b.float() @ a.float() * scale).to(weight.device)
        weight.copy_((weight.float() + change).to(weight.dtype))


def _said(identity: Mapping[str, Any]) -> str:
    where = f" at {identity['revision']}" if "hub" in identity else ""
    return f"{identity.get('name')} ({identity.get('family')}{where})"


def _config(path: Path) -> dict[str, Any]:
    config = _json(path)
    if config.get("peft_type") != "LORA":
        raise UsageError(f"{path}: peft_type is {config.get('peft_type')!r}; only LORA adapters are read")
    for key, plain in _PLAIN.items():
        if key in config and config[key] not in plain:
            raise UsageError(f"{path}: {key} is {config[key]!r}; only plain LoRA is read")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise ArtifactError(f"{path}: r and lora_alpha must be numbers")
    return config


def _json(path: Path) -> dict[str, Any]:
    try:
        value = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}; is it an adapter's folder?") from None
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ArtifactError(f"{path}: is no JSON object")
    return value


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{path}: {error}") from None


def _paired(tensors: Mapping[str, Tensor], path: Path) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Module names with their A and B; ArtifactError for a tensor that is neither."""
    for name in tensors:
        stem = name.removesuffix(_A).removesuffix(_B)
        if stem == name or {stem + _A, stem + _B} - set(tensors):
            raise ArtifactError(f"{path}: {name} is no half of a LoRA pair")
        if name.endswith(_A):
            yield stem.removeprefix(_PREFIX), tensors[stem + _A], tensors[stem + _B]
