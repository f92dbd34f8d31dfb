"""Training batches: fresh samples of the tasks' own generators, masked at random.

Step s of a run draws from (seed, s) alone, so a resumed run sees what an uninterrupted one sees.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from pbench.errors import UsageError
from pbench.metrics import parse_lenient
from pbench.models.tiny_network import TinyConfig
from pbench.records import Sample
from pbench.tasks import TaskSpec, content_key, draw, reference_text

__all__ = ["Batch", "draw_samples", "mask_answers", "pack"]


@dataclass(frozen=True)
class Batch:
    """R rows: ids [R, L] in full, prompts left-padded, answers filled up with EOS."""

    tasks: list[str]
    ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    answer_start: int

    @property
    def answers(self) -> Tensor:
        return self.ids[:, self.answer_start :]


def draw_samples(
    specs: Sequence[TaskSpec],
    weights: Mapping[str, float],
    rows: int,
    step: int,
    seed: int,
    excluded: Collection[str],
    tied_share: float = 0.0,
) -> list[Sample]:
    """`rows` training samples of tasks drawn by weight, none whose content is excluded.

    A share `tied_share` of the Sort samples is drawn anew until two people share a first name:
    last names decide in one list out of ten only, and their order has to be learned too.
    """
    random = Random(f"{seed}/{step}/{specs[0].name}")
    chosen = random.choices(specs, [weights[spec.name] for spec in specs], k=rows)
    samples = []
    for place, spec in enumerate(chosen):
        number = step * rows + place
        sample = draw(spec, number, seed=seed, shots=0)
        tied = spec.name.endswith("/sort") and random.random() < tied_share
        while content_key(sample) in excluded or (tied and not _shares_first_name(sample)):
            number += 1 << 40  # a stream of numbers that no other step uses
            sample = draw(spec, number, seed=seed, shots=0)
        samples.append(sample)
    return samples


def _shares_first_name(sample: Sample) -> bool:
    names = parse_lenient(sample.answer)
    return len({name.partition(" ")[0] for name in names}) < len(names)


def pack(
    samples: Sequence[Sample], tokenizer: Tokenizer, config: TinyConfig, answer_length: int | None = None
) -> Batch:
    """Token ids of samples with `answer_length` answer positions each (default: their gen_length)."""
    prompts = tokenizer.encode_batch([sample.messages[-1]["content"] for sample in samples])
    answers = tokenizer.encode_batch([reference_text(sample) or "" for sample in samples])
    gen_length = answer_length or samples[0].gen_length
    lengths = torch.tensor([len(prompt.ids) for prompt in prompts])
    start = int(lengths.max())
    if start > config.max_prompt_length:
        sample = samples[int(lengths.argmax())]
        raise UsageError(
            f"{sample.sample_id}: the prompt has {start} tokens, more than the recipe's max_prompt_length"
            f" {config.max_prompt_length}"
        )
    rows = []
    for prompt, answer in zip(prompts, answers, strict=True):
        fill = [config.eos_token_id] * (gen_length - len(answer.ids))
        rows.append([config.pad_token_id] * (start - len(prompt.ids)) + prompt.ids + answer.ids + fill)
    places = torch.arange(start + gen_length) - (start - lengths).unsqueeze(1)
    return Batch([s.task for s in samples], torch.tensor(rows), places >= 0, places.clamp_min(0), start)


def mask_answers(
    answers: Tensor, content: Tensor, content_only: float, one_end: float, generator: torch.Generator
) -> Tensor:
    """Which answer positions to mask, bool [R, G]; at least one a row.

    The number of masked tokens is uniform and stratified over the batch. A share of the rows
    masks content tokens only (bool table `content` [V]); a share masks from one end.
    """
    rows, length = answers.shape
    kind = torch.rand(rows, generator=generator)
    level = (torch.arange(rows) + torch.rand(rows, generator=generator)) / rows
    level = level[torch.randperm(rows, generator=generator)]
    order = torch.rand(rows, length, generator=generator)
    place = torch.arange(length) / length
    order = torch.where((kind > 1 - one_end).unsqueeze(1), place, order)
    order = torch.where((kind > 1 - one_end / 2).unsqueeze(1), 1 - place, order)
    pool = content[answers] | (kind >= content_only).unsqueeze(1)
    count = (level * pool.sum(1)).long() + 1
    rank = order.masked_fill(~pool, 2.0).argsort(1).argsort(1)
    return (rank < count.unsqueeze(1)) & pool
