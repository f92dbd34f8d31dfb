"""A fine-tuning run from its settings to its folder: data, model, loop, loss curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pbench.errors import UsageError
from pbench.models import ModelInfo, default_dtype, load_model
from pbench.train.curve import draw_curve
from pbench.train.examples import Example, check, from_file, from_tasks
from pbench.train.finetune import FineTuner
from pbench.train.forward import Tunable, require_tunable
from pbench.train.full import all_parameters, save_full
from pbench.train.loop import follow, read_curve, run
from pbench.train.lora import add_adapters, save_adapter
from pbench.train.parallel import Processes, processes
from pbench.train.settings import LoraSettings, TuneSettings

__all__ = ["Place", "tune"]

Watch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run computes; of this the dtype alone decides what is learned."""

    device: str | None = None
    dtype: str | None = None
    micro_batch: int = 8
    threads: int | None = None


def tune(
    info: ModelInfo,
    settings: TuneSettings,
    data: Path | None,
    out: Path,
    place: Place,
    report: Callable[[str], None],
    watch: Watch = lambda _line: None,
) -> Path:
    """Fine-tune into `out` (an adapter or a checkpoint folder, with its loss curve), or go on there.

    UsageError for a model or a task that cannot be trained, and where training data stand in a test split.
    """
    if place.threads is not None:
        torch.set_num_threads(place.threads)
    if not settings.tasks and data is None:
        raise UsageError("name --task, or give --data FILE")
    training, validation = _examples(settings, data)
    group = processes(place.device)
    device = group.device or place.device or "cpu"
    denoiser = require_tunable(load_model(info, device, place.dtype or default_dtype(info, device)))
    check(denoiser, [*training, *validation])
    trainer = _trainer(denoiser, info, settings, training, validation, place, group)
    if not group.first:
        follow(trainer, out)
        return out
    report(
        f"{sum(p.numel() for p in trainer.trained.values()):,} trained parameters, {len(training)} examples,"
        f" {trainer.steps} steps"
    )
    if run(trainer, out, report, watch):
        draw_curve(read_curve(out), out / "loss.svg")
    else:
        report(f"{out}: complete already, nothing to train")
    return out


def _examples(settings: TuneSettings, data: Path | None) -> tuple[list[Example], list[Example]]:
    if data is not None:
        return from_file(data, settings.tasks, settings.validation, settings.gen_length)
    return from_tasks(settings.tasks, settings.samples, settings.validation, settings.gen_length)


def _trainer(
    denoiser: Tunable,
    info: ModelInfo,
    settings: TuneSettings,
    training: list[Example],
    validation: list[Example],
    place: Place,
    group: Processes,
) -> FineTuner:
    if isinstance(settings, LoraSettings):
        trained = add_adapters(denoiser, settings)

        def save(folder: Path) -> None:
            save_adapter(folder, denoiser, settings, trained)
    else:
        trained = all_parameters(denoiser)

        def save(folder: Path) -> None:
            assert info.folder is not None
            save_full(folder, info.folder, denoiser)

    return FineTuner(
        denoiser,
        settings,
        trained,
        training,
        validation,
        save,
        micro_batch=place.micro_batch,
        processes=group,
    )
