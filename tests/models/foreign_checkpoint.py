"""A small random checkpoint of a family that pbench does not know, with modelling code of its own."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from pbench.models.random_files import trained_tokenizer, write_json, write_tokenizer, write_weights
from tests.models.random_models import TEXTS

VOCABULARY, HIDDEN = 400, 32
SPECIAL = ("<|end|>", "<|mask|>")

CONFIGURATION = """
from transformers import PretrainedConfig

class ToyConfig(PretrainedConfig):
    model_type = "toy-diffusion"

    def __init__(self, vocab_size=400, hidden_size=32, **rest):
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        super().__init__(**rest)
"""

MODELLING = """
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

from .configuration_toy import ToyConfig

Path({sentinel!r}).touch()
print("hello from a model")

class Toy(PreTrainedModel):
    config_class = ToyConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.mix = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module):
        pass

    def forward(self, input_ids):
        angles = torch.arange(input_ids.shape[1]).unsqueeze(1) / torch.arange(1, self.config.hidden_size + 1)
        x = self.embed(input_ids)
        x = x + angles.sin().to(x.dtype)
        seen = (self.mix(x) @ x.transpose(1, 2)).softmax(-1) @ x
        logits = self.head(x + seen)
        {last}
"""


def write_foreign(
    out: Path,
    *,
    last: str = "return MaskedLMOutput(logits=logits)",
    model: str = "modeling_toy.Toy",
    **config: object,
) -> Path:
    """The folder; importing its code leaves `out/sentinel` behind, and `last` is how its forward ends."""
    out.mkdir()
    (out / "configuration_toy.py").write_text(CONFIGURATION)
    (out / "modeling_toy.py").write_text(MODELLING.format(sentinel=str(out / "sentinel"), last=last))
    tokenizer = trained_tokenizer(TEXTS, VOCABULARY, SPECIAL)
    write_tokenizer(out, tokenizer, {"eos_token": SPECIAL[0], "mask_token": SPECIAL[1]}, None)
    said = {
        "model_type": "toy-diffusion",
        "architectures": ["Toy"],
        "auto_map": {"AutoConfig": "configuration_toy.ToyConfig", "AutoModel": model},
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "max_position_embeddings": 512,
    }
    write_json(out / "config.json", {key: each for key, each in (said | config).items() if each is not None})
    generator = torch.Generator().manual_seed(0)
    shapes = {"embed": (VOCABULARY, HIDDEN), "mix": (HIDDEN, HIDDEN), "head": (VOCABULARY, HIDDEN)}
    tensors = {
        f"{name}.weight": torch.randn(*shape, generator=generator) * (0.4 if name == "mix" else 1.0)
        for name, shape in shapes.items()
    }
    write_weights(out, tensors, 1)
    return out


def said(folder: Path) -> dict:
    """Its config.json."""
    return json.loads((folder / "config.json").read_text())
