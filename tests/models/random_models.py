"""Random checkpoints of every family on the shared backbone, written once for all tests of a process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch

from pbench.models import find_model, load_model
from pbench.models.masked import MaskedDenoiser
from pbench.models.random_checkpoint import RandomSize, write_random
from pbench.records import Sample

torch.set_num_threads(1)  # the networks are too small to be shared out, and the tests run side by side

FAMILIES = ("llada", "dream", "llada-moe", "sdar", "fast-dllm-v2", "llada2")
SIZE = RandomSize(layers=2, hidden_size=32, heads=2, vocab_size=400, max_length=1024)
WORDS = ("Ann Lee", "Bob Day", "Cleo Fox", "Dan Orr", "Eve Ray", "Flo Kim", "Gus Moe", "Hal Poe")
TEXTS = [
    f'Put the list ["{a}", "{b}"] into another order; answer with a list only.' for a in WORDS for b in WORDS
]


@cache
def folder(family: str) -> Path:
    """A checkpoint of this family; not to be changed."""
    base = tempfile.mkdtemp(prefix="pbench-")
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    out = Path(base) / family
    write_random(family, out, TEXTS, SIZE)
    return out


@cache
def model(family: str) -> MaskedDenoiser:
    loaded = load_model(find_model(str(folder(family))), "cpu")
    assert isinstance(loaded, MaskedDenoiser)
    return loaded


def samples(count: int = 8, gen_length: int = 12) -> list[Sample]:
    """Prompts of different lengths."""
    return [
        Sample(
            sample_id=f"made/lists/{index}",
            task="made/lists",
            category="made",
            index=index,
            messages=({"role": "user", "content": f"Sort {', '.join(WORDS[: 1 + index % 5])}{'!' * index}"},),
            answer="[]",
            gen_length=gen_length,
            metric="list_match",
            headline="score",
        )
        for index in range(count)
    ]
