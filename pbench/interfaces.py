"""The Protocols at which plug-ins meet the core: Canvas, Denoiser, Verifier, Sampler, TextGenerator, Metric.

A model knows nothing of samplers and a sampler nothing of models: the engine of `pbench.decode`
carries logits from the one to the other. Shapes: R rows in the batch, L canvas positions,
W positions of the current block, N requested positions, V vocabulary entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from pbench.records import Generation, Sample

if TYPE_CHECKING:
    import torch
    from pydantic import BaseModel

__all__ = [
    "BlockPlan",
    "CacheUse",
    "Canvas",
    "Capabilities",
    "Denoiser",
    "GenerationSettings",
    "Metric",
    "SampleWriter",
    "Sampler",
    "Selection",
    "Step",
    "TextGenerator",
    "Traits",
    "Verifier",
]


class Canvas(Protocol):
    """The token grid of a batch: prompts left-padded to one length, then the answer region.

    `pair_mask` and columns from `length` on come only to models with the capability
    `arbitrary_mask`: such extra columns stand beside the sequence, and their place in it is what
    `position_ids` says.
    """

    @property
    def ids(self) -> torch.Tensor: ...  # int64 [R, L]
    @property
    def attention_mask(self) -> torch.Tensor: ...  # bool [R, L]; False on padding
    @property
    def position_ids(self) -> torch.Tensor: ...  # int64 [R, L]; 0 at a row's first real token
    @property
    def prompt_lengths(self) -> torch.Tensor: ...  # int64 [R]; without padding
    @property
    def answer_start(self) -> int: ...  # column of the first answer position, the same in every row
    @property
    def length(self) -> int: ...  # columns of padding, prompt and answer
    @property
    def pair_mask(self) -> torch.Tensor | None: ...  # bool [R, L, L] (from, to); None: all see all real


@dataclass(frozen=True, slots=True)
class CacheUse:
    """One forward pass through a model's cache.

    Of canvas row r the columns `start[r]` to `stop[r]` (exclusive) are computed anew, and what the
    model keeps of them is stored in row `slots[r]` of `memory`; the other columns are as last
    stored. start 0 and stop L fill a row from nothing. Padding may change between two passes, so
    that a memory counts by position and not by column.
    """

    memory: Any  # what Denoiser.new_cache made
    slots: torch.Tensor  # int64 [R]
    start: torch.Tensor  # int64 [R]
    stop: torch.Tensor  # int64 [R]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a denoiser can be asked for; `max_length` = prompt + answer positions.

    `max_answer_length`: the answer positions alone, where a model counts them apart from the prompt's.
    `compat_schedule` is how the original code spread tokens over steps for this family.
    """

    max_length: int
    masked: bool = True
    position_ids: bool = False
    arbitrary_mask: bool = False
    kv_cache: bool = False
    block_causal: int | None = None
    deterministic_dtype: str = "float32"
    compat_schedule: Literal["even", "dream"] = "even"
    max_answer_length: int | None = None


@runtime_checkable
class Denoiser(Protocol):
    """A masked-diffusion model behind one face; every quirk of its family ends here.

    `identity` is what decides the answers (family, file hashes or revision, dtype): it goes into
    the manifest and the config_id.
    """

    name: str
    family: str
    identity: Mapping[str, Any]
    capabilities: Capabilities
    vocab_size: int
    mask_token_id: int
    eos_token_id: int
    pad_token_id: int
    device: torch.device

    def supports(self, task: str) -> str | None:
        """None if the model can be asked this task, else the reason why not."""
        ...

    def encode(self, sample: Sample) -> list[int]:
        """Prompt token ids as the model wants them; UsageError if it cannot read the prompt."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of answer ids: special tokens dropped, nothing trimmed."""
        ...

    def encode_text(self, text: str) -> list[int]:
        """Token ids of a piece of an answer, nothing added; UsageError if it cannot be written."""
        ...

    def new_cache(self) -> Any:
        """An empty memory for `CacheUse`, of no rows yet; asked for only where `kv_cache` is claimed."""
        ...

    def logits(self, canvas: Canvas, positions: torch.Tensor, cache: CacheUse | None = None) -> torch.Tensor:
        """Logits [N, V] for `positions` [N, 2] (row, column) and no others.

        Already shifted where the family predicts the next token; the mask token is -inf. With
        `cache` the positions lie in the columns that are computed anew.
        """
        ...


@runtime_checkable
class SampleWriter(Protocol):
    """A denoiser whose token ids mean something else in every sample: `decode` cannot know their words."""

    def write(self, sample: Sample, ids: Sequence[int]) -> str:
        """Text of the sample's answer ids, as Denoiser.decode."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """An autoregressive model with the denoiser's token ids that judges drafts; see Traits.verifier."""

    name: str
    identity: Mapping[str, Any]
    vocab_size: int

    def log_probs(self, canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
        """Log probabilities [N, V] of the token at each of `positions` [N, 2] (row, column).

        Given the row's tokens before that column; the draft stands on the canvas.
        """
        ...


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """What a sampler knows of one row's block before its first step."""

    masks: int  # positions to unmask in this block
    length: int  # block_length, resolved
    blocks: int  # blocks in the canvas
    index: int  # this block, from 0
    gen_length: int
    schedule: Literal["even", "dream"] = "even"  # dream: that of Capabilities.compat_schedule, in compat


@dataclass(frozen=True, slots=True)
class Selection:
    """A sampler's decision for one step of the block, [R, W] each.

    `commit` marks positions that get `tokens` (the proposals where None); `remask` marks
    committed positions that become masks again; `done` [R] says that a row's block may end: it is
    asked for only where `Traits.may_continue` lets a block go on without masks (None: it ends at
    its last mask). `confidence` is the score to record for the commits (the proposals'
    probability where None). A commit of the token that stands there already changes nothing.
    """

    commit: torch.Tensor
    tokens: torch.Tensor | None = None
    remask: torch.Tensor | None = None
    done: torch.Tensor | None = None
    confidence: torch.Tensor | None = None


class Step(Protocol):
    """View of the current blocks of a batch at one step; statistics are computed on first use.

    Scores are float32 [R, W] and -inf where a position is no candidate.
    """

    to_unmask: torch.Tensor  # bool [R, W]: masked candidates
    fixed: torch.Tensor  # bool [R, W]: given positions, never to be touched
    plans: list[BlockPlan]  # per row
    states: list[Any]  # per row: what plan_block returned for its block
    numbers: list[int]  # per row: this step within the block, from 0
    compat: bool  # --compat parallelbench: reproduce the original code, its quirks included

    @property
    def tokens(self) -> torch.Tensor: ...  # int64 [R, W]: what stands on the canvas now
    @property
    def proposal(self) -> torch.Tensor: ...  # int64 [R, W]: argmax, or drawn at temperature > 0
    @property
    def confidence(self) -> torch.Tensor: ...  # probability of the proposal
    @property
    def margin(self) -> torch.Tensor: ...  # p(1) - p(2)
    @property
    def entropy(self) -> torch.Tensor: ...  # nats; +inf where no candidate
    @property
    def logits(self) -> torch.Tensor: ...  # [N, V], rows as in `index`: log_probs but for a constant a row
    @property
    def log_probs(self) -> torch.Tensor: ...  # [N, V], rows as in `index`
    @property
    def index(self) -> torch.Tensor: ...  # int64 [N, 2]: (row, block position) of log_probs' rows

    def uniform(self) -> torch.Tensor: ...  # [R, W] in [0, 1), from each sample's own stream

    # Where Traits.sees_committed: `index` also lists committed positions that are not fixed, and
    # `proposal` has their argmax; -inf on positions for which no logits were asked.
    @property
    def top_probability(self) -> torch.Tensor: ...  # [R, W]: probability of `proposal`, committed too

    # Where Traits.shadow: what a mask in the place of a committed token would give to that token.
    @property
    def shadow_probability(self) -> torch.Tensor: ...  # [R, W]; +inf where nothing is committed or fixed

    # Where Traits.verifier: one auxiliary forward, counted as nfe_aux.
    def verifier_log_probs(self, draft: torch.Tensor) -> torch.Tensor: ...  # [N, V], rows as in `index`


@dataclass(frozen=True, slots=True)
class Traits:
    """What a sampler may do and what it needs of the model; the engine checks both."""

    may_remask: bool = False
    may_edit: bool = False  # may commit over committed tokens, where it sees them and they are not fixed
    may_idle: bool = False  # a forward without a commit is part of the rule
    may_continue: bool = False  # a block without masks goes on until Selection.done
    sees_committed: bool = False  # logits also at committed positions of the block
    shadow: bool = False  # a second copy of the block, all masks, is scored with every forward
    verifier: bool = False  # an autoregressive model checks drafts
    needs: frozenset[str] = field(default_factory=frozenset)  # fields of Capabilities


class Sampler(Protocol):
    """An unmasking policy: a class made from one argument, its options.

    It holds options only; what changes lives in the row states.
    """

    @property
    def name(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...
    @property
    def traits(self) -> Traits: ...
    @property
    def Options(self) -> type[BaseModel]: ...  # noqa: N802 - a class attribute that holds a class
    @property
    def options(self) -> BaseModel: ...

    def check(self, gen_length: int, block_length: int) -> None:
        """UsageError if the options cannot work with these lengths; called before any forward."""
        ...

    def plan_block(self, block: BlockPlan) -> Any:
        """State of one row for one block (quotas, counters, ...)."""
        ...

    def max_steps(self, block: BlockPlan) -> int:
        """Most forward passes that this block can take; a row that needs more is given up."""
        ...

    def select(self, step: Step) -> Selection:
        """Which positions to commit (and remask) now, for the whole batch."""
        ...


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """What a text generator is asked for beside the samples.

    `options` are the model's own (a predictor, a number of steps), checked by the model;
    `batch_size` is a matter of speed and decides no answer.
    """

    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = None
    seed: int = 0
    batch_size: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """The positions that prompt and answer share; answers take them in whole canvases of `canvas`.

    `setting` is the option that made them so few; "" where the model itself has no more.
    """

    positions: int
    canvas: int = 1
    setting: str = ""

    def answer(self, gen_length: int) -> int:
        """The positions that an answer of `gen_length` tokens takes."""
        return -(-gen_length // self.canvas) * self.canvas


@runtime_checkable
class TextGenerator(Protocol):
    """A model with its own way to an answer (autoregressive, remote, uniform noise): no samplers.

    `identity` is what decides the answers, as in Denoiser. One that runs here may have
    `encode(sample)`, the prompt's token ids, and `context(settings)`: what does not fit into that
    Context is refused before any work.
    """

    name: str
    family: str
    identity: Mapping[str, Any]

    @property
    def Options(self) -> type[BaseModel]: ...  # noqa: N802 - what GenerationSettings.options may hold

    def supports(self, task: str) -> str | None:
        """None if the model can be asked this task, else the reason why not."""
        ...

    def run(self, samples: Iterable[Sample], settings: GenerationSettings) -> Iterator[Generation]:
        """One row a sample, in the order in which they get ready; it batches as it likes.

        A sample that fails is a row with status `error`; the others go on. UsageError before the
        first row where the settings or their options cannot be. What it yields depends on the
        sample and the settings without batch_size, never on batch neighbours.
        """
        ...


class Metric(Protocol):
    """A pure function from an answer and its reference to values in 0..1, always with `score`."""

    def __call__(self, prediction: str, reference: Any) -> dict[str, float | None]: ...
