"""Masked-diffusion fine-tuning (LLaDA, arXiv 2502.09992): of each answer a random share t of the tokens
is masked, the prompt never; cross-entropy on the masked ones, weighted 1/t, over the answer's length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pbench.config import content_hash
from pbench.errors import UsageError
from pbench.train.examples import Batch, Example, encode
from pbench.train.forward import Tunable, masked_logits
from pbench.train.parallel import ALONE, Processes
from pbench.train.settings import TuneSettings

__all__ = ["FineTuner", "draw_masks"]

_LEAST_SHARE = 1e-3


def draw_masks(rows: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Masks bool [R, G] and shares t [R] in (0, 1]; the shares are spread evenly over the batch."""
    level = (torch.randperm(rows, generator=generator) + torch.rand(rows, generator=generator)) / rows
    share = _LEAST_SHARE + (1 - _LEAST_SHARE) * level
    return torch.rand(rows, length, generator=generator) < share.unsqueeze(1), share


class FineTuner:
    """One fine-tuning run for `pbench.train.loop`; step s draws from (seed, s) alone."""

    log_every = 1

    def __init__(
        self,
        denoiser: Tunable,
        settings: TuneSettings,
        trained: Mapping[str, nn.Parameter],
        training: Sequence[Example],
        validation: Sequence[Example],
        save: Callable[[Path], None],
        *,
        micro_batch: int = 8,
        processes: Processes = ALONE,
    ):
        if not training:
            raise UsageError("there is nothing to train on")
        self.denoiser, self.settings, self.save = denoiser, settings, save
        self.trained = dict(trained)
        self.training, self.validation = list(training), list(validation)
        self.micro_batch, self.processes = micro_batch, processes
        self.step = 0
        self.optimizer = torch.optim.AdamW(
            list(self.trained.values()), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.batches_per_epoch = len(_batches(self.training, settings.batch_size, 0, settings.seed))
        self._order: tuple[int, list[list[int]]] = (-1, [])

    @property
    def about(self) -> dict[str, Any]:
        """Model, settings and data: what the trained weights depend on."""
        data = [
            ([dict(message) for message in one.sample.messages], one.answer, one.sample.gen_length)
            for one in self.training
        ]
        return {
            "kind": "fine-tuning",
            "model": dict(self.denoiser.identity),
            "dtype": self.denoiser.capabilities.deterministic_dtype,
            "settings": self.settings.model_dump(mode="json"),
            "examples": len(self.training),
            "data": content_hash(data),
        }

    @property
    def steps(self) -> int:
        return self.settings.epochs * self.batches_per_epoch

    @property
    def checkpoint_every(self) -> int:
        return self.settings.checkpoint_every

    def train_step(self) -> float:
        """One optimizer step on one batch; the loss, of all processes together."""
        examples = self._batch()
        rate = self._rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed((self.settings.seed << 32) + self.step * self.processes.count + self.processes.rank)
        self.denoiser.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._backward(examples)
        gradients = [p.grad for p in self.trained.values() if p.grad is not None]
        self.processes.add_up([loss, *gradients])
        torch.nn.utils.clip_grad_norm_(self.trained.values(), self.settings.clip_norm)
        self.optimizer.step()
        self.denoiser.network.eval()
        self.step += 1
        return float(loss)

    def measures(self) -> dict[str, Any]:
        """The learning rate; at the end of an epoch the validation loss too."""
        found: dict[str, Any] = {"learning_rate": self.optimizer.param_groups[0]["lr"]}
        if self.validation and self.step % self.batches_per_epoch == 0:
            found["epoch"] = self.step // self.batches_per_epoch
            found["validation_loss"] = round(self.validation_loss(), 4)
        return found

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean loss of the validation examples, under the same masks every time."""
        batches = _batches(self.validation, self.settings.batch_size, 0, self.settings.seed)
        total = torch.zeros((), device=self.denoiser.device)
        for number, chosen in enumerate(batches):
            examples = [self.validation[place] for place in chosen]
            total += sum(self._losses(examples, -1 - number))
        self.processes.add_up([total])
        return float(total) / len(self.validation)

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "trained": {name: p.detach() for name, p in self.trained.items()},
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same run."""
        self.step = state["step"]
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(state["trained"][name])
        self.optimizer.load_state_dict(state["optimizer"])

    def export(self, folder: Path) -> None:
        self.save(folder)

    def _batch(self) -> list[Example]:
        epoch, place = divmod(self.step, self.batches_per_epoch)
        if self._order[0] != epoch:
            order = _batches(self.training, self.settings.batch_size, epoch + 1, self.settings.seed)
            self._order = (epoch, order)
        return [self.training[index] for index in self._order[1][place]]

    def _rate(self) -> float:
        """Linear warm-up, then a cosine to 0."""
        warm = math.ceil(self.settings.warmup_ratio * self.steps)
        if self.step < warm:
            return self.settings.learning_rate * (self.step + 1) / warm
        done = (self.step - warm) / max(1, self.steps - warm)
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def _backward(self, examples: list[Example]) -> Tensor:
        total = torch.zeros((), device=self.denoiser.device)
        for loss in self._losses(examples, self.step):
            part = loss / len(examples)
            part.backward()
            total += part.detach()
        return total

    def _losses(self, examples: list[Example], number: int) -> Any:
        """Summed losses of this process's rows, a micro-batch each; masks drawn for the whole batch."""
        length = examples[0].sample.gen_length
        generator = torch.Generator().manual_seed((self.settings.seed << 33) + 2 * abs(number) + (number < 0))
        masked, share = draw_masks(len(examples), length, generator)
        rows = self.processes.share(range(len(examples)))
        for start in range(0, len(rows), self.micro_batch):
            chosen = list(rows[start : start + self.micro_batch])
            batch = encode(self.denoiser, [examples[row] for row in chosen])
            yield self._loss(batch, masked[chosen], share[chosen])

    def _loss(self, batch: Batch, masked: Tensor, share: Tensor) -> Tensor:
        if not bool(masked.any()):
            return torch.zeros((), device=self.denoiser.device, requires_grad=True)
        logits = masked_logits(self.denoiser, batch, masked)
        losses = nn.functional.cross_entropy(
            logits, batch.answers[masked].to(logits.device), reduction="none"
        )
        weight = (1 / share).unsqueeze(1).expand(masked.shape)[masked].to(losses.device)
        return (losses * weight).sum() / masked.shape[1]


def _batches(examples: Sequence[Example], size: int, epoch: int, seed: int) -> list[list[int]]:
    """Places of the examples, shuffled, in batches of one gen_length each."""
    generator = torch.Generator().manual_seed((seed << 32) + epoch)
    by_length: dict[int, list[int]] = {}
    for place in torch.randperm(len(examples), generator=generator).tolist():
        by_length.setdefault(examples[place].sample.gen_length, []).append(place)
    batches = [
        places[start : start + size] for places in by_length.values() for start in range(0, len(places), size)
    ]
    order = torch.randperm(len(batches), generator=generator).tolist()
    return [batches[place] for place in order]
