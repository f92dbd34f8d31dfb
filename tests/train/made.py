"""Small examples that any model can be trained on in a test."""

from __future__ import annotations

from dataclasses import replace

from pbench.train.examples import Batch, Example, encode
from pbench.train.forward import Tunable
from tests.models import random_models


def examples(count: int = 4, gen_length: int = 12) -> list[Example]:
    samples = random_models.samples(count, gen_length)
    return [Example(replace(one, answer=""), f'["{"Ann Lee"[: 2 + one.index]}"]') for one in samples]


def batch(model: Tunable, count: int = 4) -> Batch:
    return encode(model, examples(count))
