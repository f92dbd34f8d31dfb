"""Training of the bundled models from a recipe, by the loop of `pbench.train.loop`.

Cross-entropy on masked answer tokens, averaged over each row's masked tokens so that a row counts
the same at every masking level; Muon on the matrices, AdamW on the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import torch
from tokenizers import Tokenizer
from torch import Tensor

from pbench.artifacts import atomic_text
from pbench.config import content_hash
from pbench.errors import UsageError
from pbench.models.tiny_network import TinyConfig, TinyNetwork
from pbench.records import Sample
from pbench.tasks import TaskSpec, content_key, content_keys, generate
from pbench.train.batches import draw_samples, mask_answers, pack
from pbench.train.loop import run
from pbench.train.recipe import Group, Recipe
from pbench.train.vocabulary import SPECIAL, build_tokenizer, content_tokens
from pbench.train.weights import write_weights

__all__ = ["Trainer", "held_out", "train_tiny"]

_START_LOSS = 2.0
_LOSS_DECAY = 0.99


def held_out(recipe: Recipe) -> dict[str, list[Sample]]:
    """Evaluation samples of each task, from a seed that neither training nor the test split uses.

    A task whose questions are a fixed set has no others: there its test split, which training leaves
    out too.
    """
    return {name: list(_evaluation(spec, recipe)) for name, spec in recipe.specs.items()}


def _evaluation(spec: TaskSpec, recipe: Recipe) -> Iterator[Sample]:
    if spec.options.finite:
        return generate(spec, shots=0)
    wanted, tested = recipe.evaluation_samples, content_keys(spec)
    return generate(spec, samples=wanted, seed=recipe.evaluation_seed, exclude=tested, shots=0)


class Trainer:
    """Everything that changes during training, and how one step changes it."""

    log_every = 50

    def __init__(self, recipe: Recipe):
        self.recipe = recipe
        self.specs = recipe.specs
        self.tokenizer: Tokenizer = build_tokenizer(list(self.specs.values()))
        self.config = _network_config(recipe, self.tokenizer)
        self.network = TinyNetwork(self.config)
        self.network.initialise(torch.Generator().manual_seed(recipe.seed))
        self.content = torch.zeros(self.config.vocab_size, dtype=torch.bool)
        self.content[content_tokens(list(self.specs.values()), self.tokenizer)] = True
        self.muon, self.adamw = _optimizers(self.network, recipe)
        self.losses = dict.fromkeys(self.specs, _START_LOSS)
        self.step = 0
        self.excluded = _excluded(recipe, self.specs)

    @property
    def about(self) -> dict[str, Any]:
        """The recipe."""
        return {"kind": "recipe", "recipe": self.recipe.decisive}

    @property
    def steps(self) -> int:
        return self.recipe.steps

    @property
    def checkpoint_every(self) -> int:
        return self.recipe.checkpoint_every

    def measures(self) -> dict[str, Any]:
        """Running loss of each task."""
        return {"tasks": {name: round(value, 4) for name, value in self.losses.items()}}

    def train_step(self) -> float:
        """One optimizer step over all groups; returns the weighted loss."""
        _set_rates(self.recipe, self.step, self.muon, self.adamw)
        total = torch.zeros(())
        for group in self.recipe.groups:
            total = total + group.loss_weight * self._group_loss(group)
        self.muon.zero_grad(set_to_none=True)
        self.adamw.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.muon.step()
        self.adamw.step()
        self.step += 1
        return float(total.detach())

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: plain values and tensors only."""
        return {
            "recipe": content_hash(self.recipe.decisive),
            "step": self.step,
            "losses": self.losses,
            "network": self.network.state_dict(),
            "muon": self.muon.state_dict(),
            "adamw": self.adamw.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same recipe; UsageError if it is of another one."""
        if state["recipe"] != content_hash(self.recipe.decisive):
            raise UsageError("the checkpoint belongs to another recipe; train into another folder")
        self.step, self.losses = state["step"], state["losses"]
        self.network.load_state_dict(state["network"])
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])

    def export(self, folder: Path) -> None:
        """Write the checkpoint folder that `--model FOLDER` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        write_weights(folder / "model.safetensors", self.network.state_dict())
        atomic_text(folder / "config.json", self.config.model_dump_json(indent=2) + "\n")
        atomic_text(folder / "tokenizer.json", self.tokenizer.to_str(pretty=True) + "\n")
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": _CHAT_TEMPLATE}
        settings |= dict(zip(("pad_token", "mask_token", "eos_token", "unk_token"), SPECIAL, strict=True))
        atomic_text(
            folder / "tokenizer_config.json",
            orjson.dumps(settings, option=orjson.OPT_INDENT_2).decode() + "\n",
        )

    def _group_loss(self, group: Group) -> Tensor:
        recipe, rows = self.recipe, group.rows
        specs = [self.specs[name] for name in group.tasks]
        lengths = group.answer_lengths or (specs[0].gen_length,)
        samples = draw_samples(
            specs, self._weights(), rows, self.step, recipe.seed, self.excluded, recipe.tied_sort_share
        )
        batch = pack(samples, self.tokenizer, self.config, lengths[self.step % len(lengths)])
        generator = torch.Generator().manual_seed((recipe.seed << 32) + self.step * 8 + rows % 8)
        masked = mask_answers(
            batch.answers, self.content, recipe.content_only_rows, recipe.one_end_rows, generator
        )
        ids = batch.ids.clone()
        ids[:, batch.answer_start :][masked] = self.config.mask_token_id
        with torch.autocast("cpu", torch.bfloat16):
            hidden = self.network.hidden(ids, batch.attention_mask, batch.position_ids, batch.answer_start)
        positions = masked.nonzero()
        columns = torch.stack([positions[:, 0], positions[:, 1] + batch.answer_start], dim=1)
        logits = self.network.head(hidden.float(), columns, ids, batch.attention_mask, batch.answer_start)
        target = batch.answers[masked]
        loss = torch.nn.functional.cross_entropy(logits, target, reduction="none")
        weight = torch.where(self.content[target], 1.0, recipe.plain_token_weight)
        zeros = torch.zeros(rows)
        by_row = zeros.index_add(0, positions[:, 0], loss * weight)
        by_row = by_row / zeros.index_add(0, positions[:, 0], weight)
        for task, value in zip(batch.tasks, by_row.tolist(), strict=True):
            self.losses[task] = _LOSS_DECAY * self.losses[task] + (1 - _LOSS_DECAY) * value
        return by_row.mean()

    def _weights(self) -> dict[str, float]:
        recipe = self.recipe
        return {
            name: recipe.fixed_weights.get(name, recipe.base_weight + recipe.loss_slope * loss)
            for name, loss in self.losses.items()
        }


def train_tiny(recipe: Recipe, out: Path, report: Callable[[str], None]) -> Path:
    """Train from the recipe into `out`, or go on from the checkpoint there; returns `out`.

    `out/training.jsonl` has a line for every 50 steps: step, loss, running loss of each task,
    seconds since the start of this process.
    """
    torch.set_num_threads(recipe.threads)
    if not run(Trainer(recipe), out, report):
        report(f"{out}: complete already, nothing to train")
    return out


_CHAT_TEMPLATE = "{{ messages[-1]['content'] }}"


def _network_config(recipe: Recipe, tokenizer: Tokenizer) -> TinyConfig:
    pad, mask, eos, unk = range(len(SPECIAL))  # build_tokenizer puts them first
    return TinyConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.num_hidden_layers,
        num_attention_heads=recipe.num_attention_heads,
        intermediate_size=recipe.intermediate_size,
        max_prompt_length=recipe.max_prompt_length,
        max_answer_length=recipe.max_answer_length,
        mask_token_id=mask,
        eos_token_id=eos,
        pad_token_id=pad,
        unk_token_id=unk,
        tasks=tuple(recipe.specs),
    )


def _optimizers(network: TinyNetwork, recipe: Recipe) -> tuple[torch.optim.Muon, torch.optim.AdamW]:
    """Muon for the matrices inside blocks and pointer, AdamW for tables and vectors."""
    matrices = [
        parameter
        for name, parameter in network.named_parameters()
        if parameter.ndim == 2 and "embed" not in name and "position" not in name
    ]
    chosen = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
    muon = torch.optim.Muon(matrices, lr=recipe.muon_lr, weight_decay=0.0)
    return muon, torch.optim.AdamW(others, lr=recipe.adamw_lr, betas=(0.9, 0.95), weight_decay=0.0)


def _set_rates(recipe: Recipe, step: int, *optimizers: torch.optim.Optimizer) -> None:
    """Warm-up, then constant, then linear to 0."""
    done = step / recipe.steps
    scale = min(1.0, (step + 1) / recipe.warmup_steps)
    if done > recipe.constant_fraction:
        scale *= (1 - done) / (1 - recipe.constant_fraction)
    for optimizer, rate in zip(optimizers, (recipe.muon_lr, recipe.adamw_lr), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * scale


def _excluded(recipe: Recipe, specs: dict[str, TaskSpec]) -> frozenset[str]:
    """Contents that training must not see: the test splits and the evaluation samples."""
    keys = {content_key(sample) for samples in held_out(recipe).values() for sample in samples}
    return frozenset(keys.union(*(content_keys(spec) for spec in specs.values())))
