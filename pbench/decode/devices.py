"""Where to decode: what `--gpus`, `--device` and `--workers` ask for, checked against this machine."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pbench.errors import UsageError

__all__ = ["chosen_devices"]


def chosen_devices(gpus: Sequence[str], device: str | None, workers: int | None) -> list[str]:
    """One device for each worker process, empty for none: decode in this process, on `device`.

    UsageError for devices that are not there and for options that contradict each other.
    """
    if not gpus:
        _check_device(device or "cpu")
        return [] if workers is None else [device or "cpu"] * workers
    if device is not None:
        raise UsageError("--gpus and --device both say where to decode; drop one of them")
    if workers is not None:
        raise UsageError("--gpus starts one worker for each GPU; drop --workers")
    devices = [f"cuda:{_index(text)}" for text in gpus]
    if len(set(devices)) < len(devices):
        raise UsageError(f"--gpus {','.join(gpus)}: a GPU is named twice")
    for each in devices:
        _check_device(each, f"--gpus {','.join(gpus)}")
    return devices


def _index(text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"--gpus: {text!r} is no number of a GPU; write --gpus 0,1")
    return int(text)


def _check_device(name: str, option: str | None = None) -> None:
    option = option or f"--device {name}"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"{option} is no device; try cpu or cuda:0") from None
    if device.type == "meta":
        raise UsageError(f"{option}: nothing can be computed there; try cpu or cuda:0")
    if device.type != "cuda":
        try:
            torch.empty(1, device=device)
        except Exception as error:  # each backend has its own
            why = str(error).partition(". ")[0]
            raise UsageError(f"{option} cannot be used here ({why}); try --device cpu") from None
        return
    count = torch.cuda.device_count()
    if not count:
        raise UsageError(f"{option}: torch finds no CUDA device on this machine; try --device cpu")
    if (device.index or 0) >= count:
        raise UsageError(f"{option}: there is no GPU {device.index}; this machine has 0 to {count - 1}")
