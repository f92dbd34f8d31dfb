"""Weight files into a network: sharded safetensors straight to the device in the wanted dtype.

Names and shapes are compared before anything is read, and what does not fit is one error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pbench.errors import ArtifactError
from pbench.models.checkpoint import Checkpoint, safetensors_paths, some_of
from pbench.models.pickles import PickleFile
from pbench.models.safetensors_file import Entry, SafetensorsFile

__all__ = ["Names", "Place", "as_named", "check_weights", "fill", "load_weights", "weight_files"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file's tensor goes: `parameter[index]` gets its rows `rows`, (first, end); None: all."""

    parameter: str
    index: tuple[int | slice, ...] = ()
    rows: tuple[int, int] | None = None


Names = Callable[[str], Sequence[Place] | None]
"""The places of a tensor of the file by its name; none: known and not needed; None: not known."""

WeightFile = SafetensorsFile | PickleFile


def as_named(name: str) -> Sequence[Place]:
    """The `Names` of a family whose files have the network's own names; position tables are not needed."""
    return () if name.endswith("rotary_emb.inv_freq") else (Place(name),)


def weight_files(folder: Path, *, pickles: bool = False) -> list[WeightFile]:
    """The opened weight files of a folder: those of its index, else model.safetensors, else all there are.

    Pickles run code when they are opened: they are an error, unless `pickles` are trusted.
    """
    paths = safetensors_paths(folder)
    if paths:
        return [SafetensorsFile(path) for path in paths]
    found = sorted([*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])
    if not found:
        raise ArtifactError(f"{folder}: holds no weights (*.safetensors)")
    if not pickles:
        raise ArtifactError(
            f"{folder}: its weights are pickles ({found[0].name}), which can run code when they are opened;"
            " convert them to safetensors, or say --trust-remote-code"
        )
    return [PickleFile(path) for path in found]


def fill(network: nn.Module, checkpoint: Checkpoint, names: Names, device: torch.device) -> Mapping[str, str]:
    """Give `network`, on the meta device, the weights of `checkpoint` on `device`; the files' SHA-256.

    On the device "meta" it gets none, but names, shapes and hashes are looked at all the same; of a
    hub repository, whose weights may not be fetched yet and whose commit says what they are, nothing.
    """
    if device.type == "meta" and checkpoint.hub is not None:
        return {}
    files = weight_files(checkpoint.folder, pickles=checkpoint.trusted)
    check_weights(network, files, names, checkpoint.folder)
    if device.type != "meta":
        load_weights(network, files, names, device)
    return {file.path.name: file.digest() for file in files}


def check_weights(network: nn.Module, files: Iterable[WeightFile], names: Names, where: Path) -> None:
    """ArtifactError that lists missing, surplus and wrongly shaped tensors; `network` may be on meta."""
    parameters = dict(network.named_parameters())
    filled = dict.fromkeys(parameters, 0)
    surplus, misshapen, touched = [], [], set()
    for entry in (entry for file in files for entry in file.entries):
        places = names(entry.name)
        if places is None or any(place.parameter not in parameters for place in places):
            surplus.append(entry.name)
            continue
        for place in places:
            found, wanted = _rows_shape(entry, place), _target_shape(parameters, place)
            if found == wanted:
                filled[place.parameter] += math.prod(found)
            else:
                misshapen.append(f"{entry.name} {list(found)}, not {list(wanted)}")
                touched.add(place.parameter)
    missing = [name for name, p in parameters.items() if filled[name] != p.numel() and name not in touched]
    problems = {"missing": missing, "surplus": surplus, "of another shape": misshapen}
    said = [f"{len(which)} {what}: {some_of(which)}" for what, which in problems.items() if which]
    if said:
        raise ArtifactError(f"{where}: its tensors are not those of its config.json; {'; '.join(said)}")


def load_weights(network: nn.Module, files: Sequence[WeightFile], names: Names, device: torch.device) -> None:
    """Give `network`, on the meta device, its weights on `device` in its own dtype.

    Call `check_weights` first.
    """
    _allocate(network, device)
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for file in files:
            for entry, start, rows in file.chunks(lambda entry: _room(parameters, names, entry)):
                for place in names(entry.name) or ():
                    _put(parameters[place.parameter][place.index], place, start, rows)
    for parameter in network.parameters():
        parameter.requires_grad_(False)


def _allocate(network: nn.Module, device: torch.device) -> None:
    """As Module.to_empty, whose empty_like of meta tensors would import sympy (seconds of a cold start)."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            fresh = torch.empty(parameter.shape, dtype=parameter.dtype, device=device)
            setattr(module, name, nn.Parameter(fresh, requires_grad=False))


def _room(parameters: Mapping[str, Tensor], names: Names, entry: Entry) -> Tensor | None:
    """The memory of the parameter that a tensor is byte for byte; None if it must be converted or cut."""
    places = names(entry.name) or ()
    if len(places) != 1 or places[0].rows is not None:
        return None
    target = parameters[places[0].parameter][places[0].index]
    fits = target.dtype == entry.dtype and target.device.type == "cpu" and target.is_contiguous()
    return target if fits else None


def _put(target: Tensor, place: Place, start: int, rows: Tensor) -> None:
    """Copy rows [start, start + len) of a file's tensor to where they belong in `target`."""
    first, end = place.rows or (0, start + len(rows))
    low, high = max(first, start), min(end, start + len(rows))
    if low < high:
        target.reshape(rows.shape if target.ndim == 0 else target.shape)[low - first : high - first].copy_(
            rows[low - start : high - start]
        )


def _target_shape(parameters: Mapping[str, Tensor], place: Place) -> tuple[int, ...]:
    """Of the part of a parameter that a tensor fills; an index that it does not have gives no shape."""
    try:
        return tuple(parameters[place.parameter][place.index].shape)
    except IndexError:
        return ()


def _rows_shape(entry: Entry, place: Place) -> tuple[int, ...]:
    if place.rows is None or not entry.shape:
        return entry.shape
    first, end = place.rows
    return (max(0, min(end, entry.shape[0]) - first), *entry.shape[1:])
