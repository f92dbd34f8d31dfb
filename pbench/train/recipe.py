"""The recipe of the bundled model: everything that decides its weights, from one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from pbench.config import Strict, checkpoint_config, load_yaml
from pbench.errors import UsageError, unknown_name
from pbench.tasks import TaskSpec, draw, load_suite, reference_text
from pbench.tasks.suites import configs_dir

__all__ = ["Group", "Recipe", "recipe_of", "shipped_recipe"]


_SAID = {"description", "limits"}


class Group(Strict):
    """Tasks that share a batch: all of one gen_length, `rows` samples of them a step.

    `answer_lengths`, taken in turn by the steps, are the numbers of answer positions to train on
    (shorter ones cost less; what lies behind them is EOS); none: the gen_length always.
    """

    tasks: tuple[str, ...] = Field(min_length=1)
    rows: int = Field(ge=1)
    loss_weight: float = Field(1.0, gt=0)
    answer_lengths: tuple[Annotated[int, Field(ge=1)], ...] = ()

    @field_validator("tasks")
    @classmethod
    def _trainable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Tasks that there are, of one gen_length, with training samples and right answers."""
        specs = [_known(name) for name in names]
        if len({spec.gen_length for spec in specs}) > 1:
            lengths = ", ".join(f"{spec.name} {spec.gen_length}" for spec in specs)
            raise ValueError(f"the tasks of a group must have one gen_length: {lengths}")
        return names


class Recipe(Strict):
    """Hyper-parameters; see task_configs/train/tiny.yaml for what each one is for.

    `description` and `limits` are what the model card says beside figures.
    """

    name: str
    description: str = ""
    limits: tuple[str, ...] = ()
    seed: int = Field(0, ge=0, lt=2**30)
    threads: int = Field(1, ge=1)
    hidden_size: int = Field(96, ge=1)
    num_hidden_layers: int = Field(4, ge=1)
    num_attention_heads: int = Field(3, ge=1)
    intermediate_size: int = Field(384, ge=1)
    max_prompt_length: int = Field(48, ge=1)
    max_answer_length: int = Field(64, ge=1)
    steps: int = Field(ge=1)
    warmup_steps: int = Field(100, ge=1)
    constant_fraction: float = Field(0.15, ge=0, le=1)
    muon_lr: float = Field(0.02, gt=0)
    adamw_lr: float = Field(4e-3, gt=0)
    clip_norm: float = Field(1.0, gt=0)
    checkpoint_every: int = Field(250, ge=1)
    content_only_rows: float = Field(0.5, ge=0, le=1)
    one_end_rows: float = Field(0.12, ge=0, le=1)
    plain_token_weight: float = Field(0.25, ge=0)
    tied_sort_share: float = Field(0.0, ge=0, lt=1)
    fixed_weights: dict[str, float] = Field(default_factory=dict)
    base_weight: float = 0.4
    loss_slope: float = 4.0
    groups: tuple[Group, ...] = Field(min_length=1)
    evaluation_samples: int = Field(500, ge=1)
    evaluation_seed: int = 20_261_122

    @model_validator(mode="after")
    def _fitting(self) -> Recipe:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is no multiple of num_attention_heads"
                f" {self.num_attention_heads}"
            )
        for spec in self.specs.values():
            if spec.gen_length > self.max_answer_length:
                raise ValueError(
                    f"max_answer_length {self.max_answer_length} is less than {spec.name}'s gen_length"
                    f" {spec.gen_length}"
                )
        for name in self.fixed_weights:
            if name not in self.specs:
                raise ValueError(f"fixed_weights: {unknown_name('task of the recipe', name, self.specs)}")
        return self

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


def _known(name: str) -> TaskSpec:
    """The task that a recipe names; ValueError for none, and for one without training samples."""
    suite = name.partition("/")[0]
    try:
        known = {spec.name: spec for spec in load_suite(suite).tasks}
        if name not in known:
            raise unknown_name("task", name, known)
    except UsageError as error:
        raise ValueError(str(error)) from None
    options = known[name].options
    if options.finite and not options.invents:
        raise ValueError(f"{name}: has no training generator, its questions are a fixed set; leave it out")
    if reference_text(draw(known[name], 0, shots=0)) is None:
        raise ValueError(f"{name}: the task knows no right answer to learn from; leave it out")
    return known[name]


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
