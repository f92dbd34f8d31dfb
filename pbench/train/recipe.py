"""The recipe of the bundled model: everything that decides its weights, from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from pbench.config import Strict, checkpoint_config, load_yaml
from pbench.errors import UsageError
from pbench.tasks import TaskSpec, load_suite
from pbench.tasks.suites import configs_dir

__all__ = ["Group", "Recipe", "recipe_of", "shipped_recipe"]


_SAID = {"description", "limits"}


class Group(Strict):
    """Tasks that share a batch: all of one gen_length, `rows` samples of them a step.

    `answer_lengths`, taken in turn by the steps, are the numbers of answer positions to train on
    (shorter ones cost less; what lies behind them is EOS); none: the gen_length always.
    """

    tasks: tuple[str, ...]
    rows: int = Field(ge=1)
    loss_weight: float = 1.0
    answer_lengths: tuple[int, ...] = ()


class Recipe(Strict):
    """Hyper-parameters; see task_configs/train/tiny.yaml for what each one is for.

    `description` and `limits` are what the model card says beside figures.
    """

    name: str
    description: str = ""
    limits: tuple[str, ...] = ()
    seed: int = 0
    threads: int = Field(1, ge=1)
    hidden_size: int = 96
    num_hidden_layers: int = 4
    num_attention_heads: int = 3
    intermediate_size: int = 384
    max_prompt_length: int = 48
    max_answer_length: int = 64
    steps: int = Field(ge=1)
    warmup_steps: int = 100
    constant_fraction: float = Field(0.15, ge=0, le=1)
    muon_lr: float = 0.02
    adamw_lr: float = 4e-3
    clip_norm: float = 1.0
    checkpoint_every: int = 250
    content_only_rows: float = Field(0.5, ge=0, le=1)
    one_end_rows: float = Field(0.12, ge=0, le=1)
    plain_token_weight: float = 0.25
    tied_sort_share: float = Field(0.0, ge=0, lt=1)
    fixed_weights: dict[str, float] = Field(default_factory=dict)
    base_weight: float = 0.4
    loss_slope: float = 4.0
    groups: tuple[Group, ...]
    evaluation_samples: int = 500
    evaluation_seed: int = 20_261_122

    @property
    def decisive(self) -> dict[str, Any]:
        """All that decides the weights, as plain data."""
        return self.model_dump(mode="json", exclude=_SAID)

    @property
    def specs(self) -> dict[str, TaskSpec]:
        """The tasks by full name, in the order of the groups."""
        names = [name for group in self.groups for name in group.tasks]
        known = {
            spec.name: spec
            for suite in dict.fromkeys(name.partition("/")[0] for name in names)
            for spec in load_suite(suite).tasks
        }
        return {name: known[name] for name in names}


def shipped_recipe(name: str = "tiny") -> Path:
    """Path of the recipe that the bundled weights of this name were trained from."""
    return configs_dir() / "train" / f"{name}.yaml"


def recipe_of(folder: Path) -> Path:
    """The shipped recipe of the model in this folder, by its config.json; UsageError if there is none."""
    config = checkpoint_config(folder)
    tasks = config.get("tasks")
    for path in sorted((configs_dir() / "train").glob("*.yaml")):
        if list(load_yaml(path, Recipe).specs) == tasks:
            return path
    raise UsageError(f"{folder}: no shipped recipe has its tasks; give --recipe")
