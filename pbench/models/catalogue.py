"""Which models there are, and how a name, a hub id or a folder becomes one. Importing this loads no torch.

A checkpoint takes its family from its config.json. Third parties add families by the entry point
group `pbench.models`: the entry's name is the model_type, its value a loader
`(folder: Path, name: str, device, dtype) -> Denoiser | TextGenerator`; on the device "meta" it may
leave the weights where they are. `hf:` before a folder: an autoregressive model, through transformers,
`vllm:` the same through vLLM. Remote models are those of `pbench.models.api`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pbench.config import checkpoint_config
from pbench.errors import ArtifactError, UsageError, unknown_name
from pbench.interfaces import Denoiser, TextGenerator
from pbench.models.api.access import Access
from pbench.models.api.providers import PROVIDERS, remote_name
from pbench.models.checkpoint import Checkpoint, safetensors_paths
from pbench.models.digests import hash_ahead
from pbench.plugins import load_foreign

if TYPE_CHECKING:
    import torch

__all__ = [
    "ModelInfo",
    "default_dtype",
    "family_names",
    "find_model",
    "hash_weights_ahead",
    "known_models",
    "load_model",
]

_BUNDLED = Path(__file__).parent / "bundled"
_AUTO_MAP = "auto-map"  # whoever config.json has code for, and no family of ours
_AUTOREGRESSIVE = {"hf:": "hf", "vllm:": "vllm"}
_OWN_DTYPE = frozenset({"pbench_tiny", "oracle", "vllm"})
_HUB_ID = re.compile(r"(?P<id>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, slots=True)
class FamilyInfo:
    """A family of ours: `loader` is "module:function", (Checkpoint, device, dtype) -> the model.

    A config.json is of the family if it names one of `architectures`, else by its `model_types`, or
    if it has no model_type but all of `keys`.
    """

    name: str
    loader: str
    model_types: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


_FAMILIES = (
    FamilyInfo("pbench_tiny", "pbench.models.tiny:load", ("pbench_tiny",)),
    FamilyInfo("hf", "pbench.models.autoregressive:load"),
    FamilyInfo("vllm", "pbench.models.vllm_engine:load"),
    FamilyInfo("llada", "pbench.models.llada:load", ("llada",)),
    FamilyInfo("dream", "pbench.models.dream:load", ("Dream", "dream")),
    FamilyInfo("sdar", "pbench.models.sdar:load", ("sdar",)),
    FamilyInfo("llada-moe", "pbench.models.llada_moe:load", ("lladamoe",), ("LLaDAMoEModelLM",)),
    FamilyInfo("llada2", "pbench.models.llada2:load", ("llada2_moe",)),
    FamilyInfo("sedd", "pbench.models.sedd_files:load", ("sedd",), keys=("graph", "noise", "tokens")),
    FamilyInfo("diffusion-gemma", "pbench.models.diffusion_gemma_files:load", ("diffusion_gemma",)),
    FamilyInfo(_AUTO_MAP, "pbench.models.auto_map:load"),
    FamilyInfo("auto-map-shifted", "pbench.models.auto_map:load_shifted"),
    FamilyInfo("fast-dllm-v2", "pbench.models.fast_dllm:load", ("Fast_dLLM_Qwen", "fast_dllm_qwen")),
)
_PUBLISHED = {
    "llada": ("llada", "GSAI-ML/LLaDA-8B-Instruct"),
    "llada-1.5": ("llada", "GSAI-ML/LLaDA-1.5"),
    "dream": ("dream", "Dream-org/Dream-v0-Instruct-7B"),
    "dream-coder": ("dream", "Dream-org/Dream-Coder-v0-Instruct-7B"),
    "diffucoder": ("dream", "apple/DiffuCoder-7B-Instruct"),
    "sdar-1.7b": ("sdar", "JetLM/SDAR-1.7B-Chat"),
    "sdar-4b": ("sdar", "JetLM/SDAR-4B-Chat"),
    "sdar-8b": ("sdar", "JetLM/SDAR-8B-Chat"),
    "trado-4b": ("sdar", "Gen-Verse/TraDo-4B-Instruct"),
    "trado-8b": ("sdar", "Gen-Verse/TraDo-8B-Instruct"),
    "llada-moe": ("llada-moe", "inclusionAI/LLaDA-MoE-7B-A1B-Instruct"),
    "llada2-mini": ("llada2", "inclusionAI/LLaDA2.0-mini"),
    "sedd-small": ("sedd", "louaaron/sedd-small"),
    "diffusion-gemma": ("diffusion-gemma", "google/diffusiongemma-26B-A4B-it"),
    "fast-dllm-v2-7b": ("fast-dllm-v2", "Efficient-Large-Model/Fast_dLLM_v2_7B"),
}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be asked for; `why` says what is missing where it is not available.

    `hub` is the id of its repository, `revision` the commit (None before `find_model` has asked for
    it). `trusted`: the user accepts weights in files that can run code. `access` is there for remote
    models alone. `adapter`: a folder whose LoRA matrices are added to the weights.
    """

    name: str
    family: str
    kind: Literal["diffusion", "autoregressive"]
    folder: Path | None
    why: str | None = None
    hub: str | None = None
    revision: str | None = None
    trusted: bool = False
    access: Access | None = None
    adapter: Path | None = None

    @property
    def available(self) -> bool:
        return self.why is None


_OWN = {
    "tiny": ModelInfo("tiny", "pbench_tiny", "diffusion", _BUNDLED / "tiny"),
    "tiny-words": ModelInfo("tiny-words", "pbench_tiny", "diffusion", _BUNDLED / "tiny-words"),
    "oracle": ModelInfo("oracle", "oracle", "diffusion", None),  # exact posteriors: it has no files
}


def known_models() -> list[ModelInfo]:
    """The models that have a name of their own; the published ones are available once they are downloaded."""
    from pbench.models.hub import cached

    found = list(_OWN.values())
    for name, (family, hub) in _PUBLISHED.items():
        why = None if cached(hub, None) else f"not downloaded yet; decode fetches {hub}"
        found.append(ModelInfo(name, family, "diffusion", None, why, hub))
    return [*found, *(_remote(name, Access()) for name in PROVIDERS if remote_name(name))]


def find_model(
    name_or_path: str,
    *,
    family: str | None = None,
    trust_remote_code: bool = False,
    access: Access | None = None,
    adapter: Path | None = None,
) -> ModelInfo:
    """What `--model` stands for: a known name, a local folder, a hub id (NAME@REVISION pins either).

    The configuration and tokenizer of a hub repository are fetched, its weights not yet. `family`
    overrules config.json; `adapter` is a folder that `load_model` adds to the weights. `access` says
    how a remote model is reached, and does not concern others. UsageError for what is not known,
    ArtifactError for a folder that is no checkpoint.
    """
    if remote_name(name_or_path) is not None:
        return _remote(name_or_path, access or Access())
    if family is not None and family not in family_names():
        raise unknown_name("family", family, family_names())
    info = replace(_located(name_or_path, trust_remote_code), adapter=adapter)
    if info.family:
        return info
    assert info.folder is not None
    return replace(info, family=family or _family_of(info.folder, info.trusted))


def hash_weights_ahead(name_or_path: str) -> None:
    """Begin to hash the weights of a local folder, which its identity needs, while torch is imported."""
    folder = Path(name_or_path)
    if name_or_path in _OWN or not folder.is_dir():
        return
    with suppress(ArtifactError, OSError):  # those who load it say what is wrong
        hash_ahead(safetensors_paths(folder))


def load_model(info: ModelInfo, device: str, dtype: str | None = None) -> Denoiser | TextGenerator:
    """Load the weights onto `device` ("cpu", "cuda:0", ...; "meta": no weights, for a look at the rest).

    `dtype` as `default_dtype` chooses it; None: float32. On "meta" a remote model answers nothing.
    """
    if info.access is not None:
        return _opened(info, info.access, live=device != "meta")
    target, wanted = _device(device), _dtype(dtype)
    model = _load(info, target, wanted)
    return model if info.adapter is None else _adapted(model, info.adapter)


def _load(info: ModelInfo, target: torch.device, wanted: torch.dtype | None) -> Denoiser | TextGenerator:
    if info.family == "oracle":
        return _imported("pbench.models.oracle:OracleDenoiser")(info.name, str(target))
    folder = info.folder
    if info.hub is not None and info.revision is not None and target.type != "meta":
        from pbench.models.hub import fetch_weights

        folder = fetch_weights(info.hub, info.revision, pickles=info.trusted)
    assert folder is not None
    for known in _FAMILIES:
        if known.name == info.family:
            checkpoint = Checkpoint(info.name, folder, info.hub, info.revision, info.trusted)
            return _imported(known.loader)(checkpoint, target, wanted)
    return _foreign_loader(info.family)(folder, info.name, target, wanted)


def _adapted(model: Denoiser | TextGenerator, folder: Path) -> Denoiser | TextGenerator:
    """The model with an adapter in its weights; name and identity say so."""
    from torch import nn

    from pbench.models.adapter import apply_adapter, read_adapter

    network = getattr(model, "network", None)
    if not isinstance(network, nn.Module):
        raise UsageError(f"--adapter {folder}: {model.name} ({model.family}) takes no adapter")
    adapter = read_adapter(folder)
    apply_adapter(network, model.identity, adapter)
    model.name = f"{model.name}+{folder.resolve().name}"
    model.identity = {**model.identity, "name": model.name, "adapter": dict(adapter.files)}
    return model


def default_dtype(info: ModelInfo, device: str) -> str | None:
    """bfloat16 on a GPU, float32 elsewhere; None for a model that has its own."""
    if info.family in _OWN_DTYPE or info.access is not None:
        return None
    return "bfloat16" if device.startswith("cuda") else "float32"


def family_names() -> list[str]:
    """Families by name, ours first."""
    return [*(known.name for known in _FAMILIES), *(point.name for point in _foreign())]


def _located(name: str, trusted: bool) -> ModelInfo:
    """Where a model's files are; its family stays open where config.json decides it."""
    if name in _OWN:
        return _OWN[name]
    for prefix, family in _AUTOREGRESSIVE.items():
        if name.startswith(prefix):
            found = _located(name.removeprefix(prefix), trusted)
            return replace(found, family=family, kind="autoregressive")
    if name and Path(name).is_dir() and (name not in _PUBLISHED or (Path(name) / "config.json").exists()):
        return ModelInfo(Path(name).resolve().name, "", "diffusion", Path(name), trusted=trusted)
    if name.startswith(("/", "./", "../", "~")):
        raise UsageError(f"unknown model {name!r}: there is no such folder")
    alias, _, revision = name.partition("@")
    if alias in _PUBLISHED:
        return _on_hub(alias, _PUBLISHED[alias][1], revision or None, trusted)
    found_id = _HUB_ID.fullmatch(name)
    if found_id is None:
        raise unknown_name("model", name, [*_OWN, *_PUBLISHED, *filter(remote_name, PROVIDERS)])
    return _on_hub(found_id["id"].partition("/")[2], found_id["id"], found_id["revision"], trusted)


def _remote(name: str, access: Access) -> ModelInfo:
    """A model behind an API; available where its key is."""
    found = remote_name(name)
    assert found is not None
    provider = PROVIDERS[found[0]]
    missing = provider.key_variable not in os.environ and access.base_url is None
    why = f"the environment variable {provider.key_variable} is not set" if missing else None
    return ModelInfo(name, provider.family, provider.kind, None, why, access=access)


def _opened(info: ModelInfo, access: Access, *, live: bool) -> TextGenerator:
    from pbench.models.api.model import open_model

    return open_model(info.name, access, live=live)


def _on_hub(name: str, repository: str, revision: str | None, trusted: bool) -> ModelInfo:
    from pbench.models.hub import fetch_small_files

    if trusted and revision is None:
        raise UsageError(f"--trust-remote-code needs a revision: --model {name}@COMMIT")
    folder, commit = fetch_small_files(repository, revision)
    return ModelInfo(name, "", "diffusion", folder, hub=repository, revision=commit, trusted=trusted)


def _device(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
        torch.empty(1, device=device if device.type != "cuda" else "cpu")
    except Exception:  # each backend has its own
        raise UsageError(f"--device {name!r} is no device here; try cpu or cuda:0") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: this machine has {torch.cuda.device_count()} CUDA devices")
    return device


def _dtype(name: str | None) -> torch.dtype | None:
    import torch

    known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name is not None and name not in known:
        raise unknown_name("dtype", name, known)
    return None if name is None else known[name]


def _family_of(folder: Path, trusted: bool) -> str:
    """By the architectures of config.json, else by its model_type (LLaDA-MoE says the same as LLaDA).

    A model_type that nobody knows is run by the folder's own code, if it has some and is `trusted`.
    """
    config = checkpoint_config(folder)
    model_type = config.get("model_type")
    if model_type is None:
        for known in _FAMILIES:
            if known.keys and set(known.keys) <= set(config):
                return known.name
    if not isinstance(model_type, str):
        raise ArtifactError(f"{folder / 'config.json'}: has no model_type")
    architectures = config.get("architectures") or ()
    for known in _FAMILIES:
        if set(known.architectures) & set(architectures):
            return known.name
    for known in _FAMILIES:
        if model_type in known.model_types:
            return known.name
    if model_type in (point.name for point in _foreign()):
        return model_type
    if config.get("auto_map") and trusted:
        return _AUTO_MAP
    code = ""
    if config.get("auto_map"):
        code = ", and its own code (auto_map) is run only with --trust-remote-code (of the hub: ID@COMMIT)"
    raise UsageError(
        f"{folder}: model_type {model_type!r} is not known{code}; families: {', '.join(family_names())};"
        " --family NAME forces one, and hf:FOLDER is for autoregressive models"
    )


def _imported(path: str) -> Callable[..., Any]:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


def _foreign() -> list[EntryPoint]:
    return list(entry_points(group="pbench.models"))


def _foreign_loader(family: str) -> Callable[..., Any]:
    return foreign_loader(next(point for point in _foreign() if point.name == family))


def foreign_loader(point: EntryPoint) -> Callable[..., Any]:
    """A plug-in's loader; UsageError if it cannot be had."""
    loader = load_foreign(point, "model family")
    if not callable(loader):
        raise UsageError(
            f"model family {point.name!r}: {point.value} is a {type(loader).__name__}, no loader"
        )
    return loader
