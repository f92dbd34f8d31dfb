"""What worker processes load: the scripted denoiser, with accidents at chosen places."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from pbench.decode import EngineOptions, Engines
from pbench.errors import ArtifactError
from pbench.samplers import make_sampler
from tests.scripted import Scripted, hashed


@dataclass(frozen=True)
class Crew:
    """What happens in the worker processes; every process leaves its id in `folder`.

    A worker that sees the prompt `deadly` kills itself, the first `kills` times (all processes
    together); a batch of more than `fits` rows is out of memory; `slow` seconds a forward pass.
    """

    folder: Path
    deadly: str | None = None
    kills: int = 0
    fits: int = 100
    slow: float = 0.0
    broken: bool = False

    def load(self, device: str):
        (self.folder / str(os.getpid())).touch()
        with (self.folder / "loaded").open("a") as file:
            file.write(f"{os.getpid()}\n")
        if self.broken:
            raise ArtifactError("model.safetensors: is damaged")
        return _Accident(self)

    def assemble(self, model, device: str) -> Engines:
        return Engines(model, make_sampler("confidence", {"k": 1}), EngineOptions())

    @property
    def loads(self) -> int:
        """How often the model was loaded, by all processes together."""
        return len((self.folder / "loaded").read_text().splitlines())

    @property
    def started(self) -> list[int]:
        return [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]

    def engines(self) -> Engines:
        return self.assemble(_Accident(self), "cpu")


class _Accident(Scripted):
    def __init__(self, crew: Crew):
        super().__init__(hashed)
        self.crew = crew

    def encode(self, sample):
        if sample.messages[-1]["content"] == self.crew.deadly:
            count = len(list(self.crew.folder.glob("killed*")))
            if count < self.crew.kills:
                (self.crew.folder / f"killed{count}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(sample)

    def logits(self, canvas, positions, cache=None):
        if len(canvas.ids) > self.crew.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        time.sleep(self.crew.slow)
        return super().logits(canvas, positions, cache)
