"""DiffusionGemma checkpoints: read through transformers' own class, and small random ones written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError
from torch import Tensor

from pbench.errors import ArtifactError, UsageError
from pbench.models.autoregressive_files import digests, quiet
from pbench.models.chat import ChatFormat
from pbench.models.checkpoint import Checkpoint, Config
from pbench.models.diffusion_gemma import DiffusionGemmaGenerator
from pbench.models.diffusion_gemma_canvas import Rules
from pbench.models.diffusion_gemma_network import GemmaNetwork
from pbench.models.random_files import RandomSize, trained_tokenizer, write_tokenizer
from pbench.models.tokens import Tokens
from pbench.models.weights import weight_files

__all__ = ["load", "write_random"]

GEMMA = ChatFormat(
    "{{ bos_token }}{% for message in messages %}<|turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] | trim }}<turn|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn>model\n{% endif %}",
    "<|turn>model\n",
)
"""For checkpoints without a template of their own; Gemma's turns."""

_PUBLISHED = Rules(steps=48, entropy_bound=0.1, t_max=0.8, t_min=0.4, stability=1, confidence=0.005)
_CANVAS = 32  # of random checkpoints; the published one's is 256


def load(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype | None) -> DiffusionGemmaGenerator:
    """The checkpoint on `device` (on "meta": without its weights, whose files are looked at all the same)."""
    dtype = dtype or torch.float32
    folder = checkpoint.folder
    weight_files(folder)  # their headers are read and checked
    settings = _generation_settings(folder)
    tokens = Tokens(folder, GEMMA)
    model = _on_meta(folder, dtype) if device.type == "meta" else _with_weights(folder, device, dtype)
    text = model.config.text_config
    if tokens.size > text.vocab_size:
        raise ArtifactError(
            f"{folder}: the tokenizer has ids up to {tokens.size - 1}, but config.json an embedding of"
            f" {text.vocab_size} rows; they are of different models"
        )
    ends = settings.get("eos_token_id", text.eos_token_id)
    network = GemmaNetwork(model, ends if isinstance(ends, list) else [ends])
    named = str(dtype).removeprefix("torch.")
    identity = checkpoint.identity(DiffusionGemmaGenerator.family, named, digests(checkpoint))
    return DiffusionGemmaGenerator(checkpoint.name, network, tokens, _rules(folder, settings), identity)


def write_random(out: Path, texts: Sequence[str], size: RandomSize) -> None:
    """A small checkpoint with random weights, in the form of the published one."""
    from transformers import DiffusionGemmaConfig

    special = {"pad": "<pad>", "eos": "<eos>", "bos": "<bos>"}
    tokenizer = trained_tokenizer(texts, size.vocab_size, [*special.values(), "<|turn>", "<turn|>"])
    ids = {f"{role}_token_id": tokenizer.token_to_id(text) for role, text in special.items()}
    head_dim = size.hidden_size // size.heads
    text_config = {
        "vocab_size": size.vocab_size,
        "hidden_size": size.hidden_size,
        "intermediate_size": 3 * size.hidden_size,
        "num_hidden_layers": size.layers,
        "layer_types": ["sliding_attention"] * (size.layers - 1) + ["full_attention"],
        "num_attention_heads": size.heads,
        "num_key_value_heads": max(1, size.heads // 2),
        "head_dim": head_dim,
        "global_head_dim": 2 * head_dim,
        "sliding_window": 64,
        "num_experts": 8,
        "top_k_experts": 2,
        "moe_intermediate_size": size.hidden_size // 2,
        "max_position_embeddings": size.max_length,
        **ids,
    }
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "head_dim": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    config = DiffusionGemmaConfig(
        text_config=text_config,
        vision_config={"model_type": "gemma4_vision", **vision, **heads},
        canvas_length=_CANVAS,
    )
    model = _class()(config)
    generator = torch.Generator().manual_seed(size.seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(_random(name, parameter.shape, generator))
    total = sum(parameter.nbytes for parameter in model.parameters())
    with quiet():
        model.save_pretrained(out, max_shard_size="1TB" if size.shards == 1 else total // size.shards)
    write_tokenizer(out, tokenizer, {f"{role}_token": text for role, text in special.items()}, GEMMA.template)


def _random(name: str, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Logits are peaked; the way back of the last step's is weak, else many steps magnify rounding errors."""
    values = torch.randn(*shape, generator=generator)
    if len(shape) == 1:
        return 1 + 0.1 * values
    gain = 1.5 if "embed" in name else 0.02 if "self_conditioning.down" in name else 1.0
    return gain * values * shape[-1] ** -0.5


def _class() -> Any:
    try:
        from transformers import DiffusionGemmaForBlockDiffusion
    except ImportError:
        import transformers

        raise UsageError(
            f"transformers {transformers.__version__} has no DiffusionGemma; it came with 5.11"
        ) from None
    return DiffusionGemmaForBlockDiffusion


def _config(folder: Path) -> Any:
    from transformers import DiffusionGemmaConfig

    try:
        return DiffusionGemmaConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever a strict dataclass, a JSON reader or transformers raises
        raise ArtifactError(f"{folder / 'config.json'}: {_in_one_line(error)}") from None


def _on_meta(folder: Path, dtype: torch.dtype) -> Any:
    model_class, config = _class(), _config(folder)
    with torch.device("meta"):
        return model_class(config).to(dtype)


def _with_weights(folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """ArtifactError that lists missing, surplus and wrongly shaped tensors."""
    model_class, config = _class(), _config(folder)
    # Straight to a GPU only where accelerate is installed; else by way of the machine's memory.
    direct = {"device_map": {"": device}} if device.type != "cpu" and find_spec("accelerate") else {}
    try:
        with quiet():
            model, said = model_class.from_pretrained(
                folder, config=config, dtype=dtype, local_files_only=True, use_safetensors=True,
                ignore_mismatched_sizes=True, output_loading_info=True, **direct,
            )  # fmt: skip
    except (SafetensorError, OSError, ValueError) as error:
        raise ArtifactError(f"{folder}: {_in_one_line(error)}") from None
    problems = {
        "missing": sorted(said["missing_keys"]),
        "surplus": sorted(said["unexpected_keys"]),
        "of another shape": sorted(str(found[0]) for found in said["mismatched_keys"]),
    }
    if any(problems.values()):
        listed = "; ".join(
            f"{len(names)} {what}: {', '.join(names[:8])}" for what, names in problems.items() if names
        )
        raise ArtifactError(f"{folder}: tensors do not fit config.json: {listed}")
    return model.to(device)


def _generation_settings(folder: Path) -> dict[str, Any]:
    """generation_config.json, what is null left out."""
    path = folder / "generation_config.json"
    if not path.exists():
        return {}
    try:
        values = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ArtifactError(f"{path}: {error}") from None
    return {name: value for name, value in values.items() if value is not None}


def _rules(folder: Path, settings: Mapping[str, Any]) -> Rules:
    """The checkpoint's way of denoising, as published where it says nothing."""
    config = Config(folder / "generation_config.json", settings)
    sampler = Config(config.path, settings.get("sampler_config", {}))
    return Rules(
        steps=config.integer("max_denoising_steps", _PUBLISHED.steps),
        entropy_bound=sampler.number("entropy_bound", _PUBLISHED.entropy_bound),
        t_max=config.number("t_max", _PUBLISHED.t_max),
        t_min=config.number("t_min", _PUBLISHED.t_min),
        stability=config.integer("stability_threshold", _PUBLISHED.stability),
        confidence=config.number("confidence_threshold", _PUBLISHED.confidence),
    )


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
