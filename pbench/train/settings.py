"""What decides a fine-tuning run: the options of `pbench train lora` and `pbench train full`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pbench.config import Strict

__all__ = ["LoraSettings", "TuneSettings"]


class TuneSettings(Strict):
    """Data and optimisation; defaults are those of the paper (arXiv 2510.04767) where it has one.

    `samples` and `validation` count those of each task, `batch_size` samples of one optimizer step,
    all processes together. `micro_batch` samples pass through the network at once; it, the device
    and the number of processes change nothing but rounding.
    """

    tasks: tuple[str, ...] = ()
    samples: int = Field(20_000, ge=1)
    validation: int = Field(5_000, ge=0)
    epochs: int = Field(10, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(1e-5, gt=0)
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    gen_length: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0, lt=2**30)
    checkpoint_every: int = Field(100, ge=1)
    method: Literal["full", "lora"] = "full"


class LoraSettings(TuneSettings):
    """The same with low-rank adapters on queries, keys and values."""

    method: Literal["full", "lora"] = "lora"
    rank: int = Field(128, ge=1)
    alpha: int = Field(256, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
