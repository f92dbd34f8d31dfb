"""An exact ideal denoiser behind the Denoiser protocol: its marginals are the data's own.

It knows the distribution of right answers of a sample (see `oracle_questions`) and says at every
position what that is, given the tokens that the position sees (see `oracle_marginals`). Logits are
log probabilities plus a little zero-mean noise that breaks ties: independent for each position, token
and state of the canvas, and a function of these and of (seed, task, index) of the sample alone. What
parallel decoding costs here no model can avoid (ParallelBench, arXiv 2510.04767, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor

from pbench.errors import UsageError
from pbench.interfaces import CacheUse, Canvas, Capabilities
from pbench.models.oracle_marginals import EOS, FIRST_ITEM, MASK, PAD, Asked, marginals
from pbench.models.oracle_noise import state_keys, tie_noise
from pbench.models.oracle_questions import BLANK, Kind, Question, read_question
from pbench.records import Sample

__all__ = ["TIE_NOISE", "OracleDenoiser"]

TIE_NOISE = 1e-3  # largest size of the noise: nothing but ties (and thresholds met exactly) notices it

_ITEMS = 128  # different items of one sample, at most, where nothing else is said
_HEADER = 3  # prompt ids before the given items: key, kind, positions
_REFUSED = ("paraphrase", "summarize", "words_to_sentence", "domino", "math_op")
_KNOWS = (
    "lists (copy, reverse, sort, shuffle; insert, remove, replace by index or at random), Latin squares"
    " of up to 4 symbols, 4x4 sudoku"
)


class OracleDenoiser:
    """See `pbench.interfaces.Denoiser`, `SampleWriter` and `Verifier`.

    One token is one item of a list or one cell of a grid. `items` bounds the different items of a
    sample (and sets the size of the vocabulary).
    """

    family = "oracle"
    capabilities = Capabilities(max_length=1 << 16, position_ids=True, arbitrary_mask=True)
    mask_token_id, eos_token_id, pad_token_id = MASK, EOS, PAD

    def __init__(self, name: str = "oracle", device: str = "cpu", items: int = _ITEMS, seed: int = 0):
        self.name = name
        self.seed = seed
        self.device = torch.device(device)
        self.vocab_size = FIRST_ITEM + items
        self.identity: Mapping[str, Any] = {
            "name": name,
            "family": self.family,
            "tie_noise": TIE_NOISE,
            "seed": seed,
            "version": 1,
        }

    def supports(self, task: str) -> str | None:
        if any(part.startswith(_REFUSED) for part in task.split("/")):
            return f"the distribution of its right answers is not known; the oracle knows {_KNOWS}"
        return None

    def encode(self, sample: Sample) -> list[int]:
        """Key of the noise, kind, number of positions, given items; see `oracle_questions.Question`."""
        question = read_question(sample)
        if question.positions > sample.gen_length:
            raise UsageError(
                f"{sample.sample_id}: the answer has {question.positions} items, which do not fit into"
                f" gen_length {sample.gen_length}"
            )
        if len(question.words) > self.vocab_size - FIRST_ITEM:
            raise UsageError(
                f"{sample.sample_id}: {len(question.words)} different items;"
                f" the oracle counts to {self.vocab_size - FIRST_ITEM}"
            )
        return [self._key(sample), question.kind, question.positions, *question.given]

    def decode(self, ids: Sequence[int]) -> str:
        """Items by number, `["#2", "#1"]`: their words are the sample's own; see `write`."""
        return Question(Kind.FIXED, len(ids), ()).write(_items(ids))

    def write(self, sample: Sample, ids: Sequence[int]) -> str:
        """The answer's text: the sample's words for the items, nothing for special tokens."""
        return read_question(sample).write(_items(ids))

    def encode_text(self, text: str) -> list[int]:  # noqa: ARG002 - whatever it is
        """Nothing: whole items are tokens, and what stands between or within them takes none."""
        return []

    def new_cache(self) -> None:
        raise UsageError(f"model {self.name!r} has no key-value cache")

    @torch.inference_mode()
    def logits(self, canvas: Canvas, positions: Tensor, cache: CacheUse | None = None) -> Tensor:  # noqa: ARG002
        rows, columns = positions.unbind(1)
        answers = canvas.ids[:, canvas.answer_start : canvas.length]
        if canvas.pair_mask is None:
            return self._logits(canvas, rows, columns - canvas.answer_start, answers, rows)
        place = canvas.position_ids[rows, columns] - canvas.prompt_lengths[rows]
        seen = canvas.pair_mask[rows, columns, canvas.answer_start : canvas.length]
        return self._logits(canvas, rows, place, *_distinct(answers[rows].masked_fill(~seen, MASK)))

    @torch.inference_mode()
    def log_probs(self, canvas: Canvas, positions: Tensor) -> Tensor:
        """As a verifier: the exact distribution given the tokens to the left alone, with noise."""
        rows, columns = positions.unbind(1)
        place = columns - canvas.answer_start
        answers = canvas.ids[rows, canvas.answer_start : canvas.length]
        later = torch.arange(answers.shape[1], device=place.device) >= place.unsqueeze(1)
        seen = _distinct(answers.masked_fill(later, MASK))
        return self._logits(canvas, rows, place, *seen).log_softmax(1)

    def _logits(self, canvas: Canvas, rows: Tensor, place: Tensor, tokens: Tensor, state: Tensor) -> Tensor:
        """Logits [N, V] of `place` [N] in `rows` [N], which see `tokens` [Q, G], each its `state` [N]."""
        row_of = torch.zeros(len(tokens), dtype=torch.long, device=tokens.device)
        row_of[state] = rows
        header, given = _prompts(canvas)
        key, kind, count = header.unbind(1)
        noise_key = state_keys(key[row_of], tokens)[state]
        asked = Asked(tokens, count[row_of], given[row_of], state, place)
        logits = _by_kind(asked, kind[row_of], self.vocab_size).float().log_()
        return logits.add_(tie_noise(noise_key, place, self.vocab_size, TIE_NOISE))

    def _key(self, sample: Sample) -> int:
        """63 bits that stand for (seed, task, index)."""
        text = f"{self.seed}\0{sample.task}\0{sample.index}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def _items(ids: Sequence[int]) -> list[int]:
    return [token - FIRST_ITEM for token in ids if token >= FIRST_ITEM]


def _distinct(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Each query's own state: tokens [N, G] and the numbers 0..N-1."""
    return tokens, torch.arange(len(tokens), device=tokens.device)


def _prompts(canvas: Canvas) -> tuple[Tensor, Tensor]:
    """Header [R, 3] and given items [R, P], BLANK beyond a row's own."""
    start = (canvas.answer_start - canvas.prompt_lengths).unsqueeze(1)
    longest = max(canvas.answer_start, _HEADER + 1)
    columns = start + torch.arange(longest, device=start.device)
    prompts = canvas.ids.gather(1, columns.clamp_max(canvas.length - 1))
    prompts = prompts.masked_fill(columns >= canvas.answer_start, BLANK)
    return prompts[:, :_HEADER], prompts[:, _HEADER:]


def _by_kind(asked: Asked, kinds: Tensor, vocab_size: int) -> Tensor:
    """Marginals [N, V] of states of several kinds [Q]."""
    present = kinds.unique().tolist()
    if len(present) == 1:
        return marginals(present[0], asked, vocab_size)
    found = torch.zeros(len(asked.place), vocab_size, dtype=torch.float64, device=kinds.device)
    for kind in present:
        states = kinds == kind
        mine = states[asked.state]
        number = states.long().cumsum(0) - 1
        part = Asked(
            asked.tokens[states],
            asked.positions[states],
            asked.given[states],
            number[asked.state[mine]],
            asked.place[mine],
        )
        found[mine] = marginals(kind, part, vocab_size)
    return found
