"""Series: run points of one sampler that differ in its swept parameter alone, from slow to fast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pbench.config import content_hash
from pbench.report.points import Point, Settings, setting_text
from pbench.report.sweeps import is_adaptive, speed_rank

__all__ = ["Series", "series_of"]


@dataclass(frozen=True)
class Series:
    """Points [at least one] ordered by speed.

    `model` is the model's name, with its identity's hash or dtype where one name stands for several;
    `settings` says in words what is fixed for all points, empty for defaults.
    """

    model: str
    sampler: str | None
    parameter: str | None
    settings: str
    points: tuple[Point, ...]

    @property
    def adaptive(self) -> bool:
        """Whether the speeds between the points may be interpolated."""
        return is_adaptive(self.parameter)

    @property
    def sampler_name(self) -> str:
        """The sampler; models that have none decode token by token."""
        return self.sampler or "autoregressive"

    @property
    def name(self) -> str:
        """Model, sampler and fixed settings in one line."""
        return " · ".join(part for part in (self.model, self.sampler_name, self.settings) if part)


def series_of(points: Sequence[Point]) -> list[Series]:
    """All points as series, ordered by model, sampler and settings."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(_group_id(point.settings), []).append(point)
    names = _model_names([point.settings for point in points])
    found = [_series(group, names) for group in groups.values()]
    return sorted(found, key=lambda series: (series.model, series.sampler_name, series.settings))


def _model_names(settings: Sequence[Settings]) -> dict[tuple[str, str, str | None], str]:
    """A name for each (model, identity, dtype): the bare one where nothing else bears it."""
    models = {(own.model, own.model_id, own.dtype) for own in settings}
    identities = Counter(name for name, _ in {(name, identity) for name, identity, _ in models})
    dtypes = Counter(name for name, _ in {(name, dtype) for name, _, dtype in models})
    return {
        (name, identity, dtype): name
        + (f"@{identity}" if identities[name] > 1 else "")
        + (f" {dtype}" if dtypes[name] > 1 else "")
        for name, identity, dtype in models
    }


def _series(points: Sequence[Point], names: dict[tuple[str, str, str | None], str]) -> Series:
    first = points[0].settings
    ordered = sorted(
        points, key=lambda point: (speed_rank(first.parameter, point.settings.value), point.settings.id)
    )
    return Series(
        model=names[first.model, first.model_id, first.dtype],
        sampler=first.sampler,
        parameter=first.parameter,
        settings=_words(first),
        points=tuple(ordered),
    )


def _fixed_params(settings: Settings) -> dict[str, object]:
    return {name: value for name, value in settings.params.items() if name != settings.parameter}


def _group_id(settings: Settings) -> str:
    fixed = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    fixed |= {"params": _fixed_params(settings), "parameter": settings.parameter}
    if settings.parameter == "block_length":
        del fixed["block_length"]
    return content_hash(fixed)


def _words(settings: Settings) -> str:
    """Fixed settings that are not the default, e.g. `block_length=8, cache=dual`."""
    words = [setting_text(name, value) for name, value in sorted(_fixed_params(settings).items())]
    if settings.block_length not in ("full", None) and settings.parameter != "block_length":
        words.append(setting_text("block_length", settings.block_length))
    if settings.cache != "none":
        words.append(setting_text("cache", settings.cache))
    if settings.temperature:
        words.append(setting_text("temperature", settings.temperature))
    if settings.compat:
        words.append(setting_text("compat", settings.compat))
    if settings.infill:
        words.append("infill")
    words += [f"{name}={value}" for name, value in settings.decoding.items()]
    return ", ".join(words + [f"{name}={value}" for name, value in sorted(settings.labels.items())])
