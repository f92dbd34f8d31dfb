"""Small random autoregressive checkpoints in the hub's form, by transformers' own classes."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from pbench.models.random_files import random_tensor, trained_tokenizer, write_tokenizer
from pbench.tasks import generate, load_suite

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_SIZE = {
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}


def texts(count: int = 40) -> list[str]:
    specs = load_suite("waiting_line").tasks[:3]
    return [sample.messages[-1]["content"] for spec in specs for sample in list(generate(spec))[:count]]


def write(
    out: Path, form: str = "qwen2", *, template: str | None = CHATML, vocab_size: int = 600, seed: int = 0
) -> Path:
    """A checkpoint whose greedy answers differ from prompt to prompt; the special tokens come last."""
    config, network = {
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "llama": (LlamaConfig, LlamaForCausalLM),
    }[form]
    last = {"eos_token_id": vocab_size - 1, "bos_token_id": None, "pad_token_id": vocab_size - 3}
    model = network(config(vocab_size=vocab_size, **_SIZE, **last))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(random_tensor(name, parameter.shape, generator))
    model.save_pretrained(out)
    tokenizer = trained_tokenizer(texts(), vocab_size, SPECIAL)
    write_tokenizer(out, tokenizer, {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}, template)
    return out
