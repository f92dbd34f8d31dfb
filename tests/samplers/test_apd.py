"""APD: what a verifier lets through, on agreements and distributions by hand, and in the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from pbench.decode import Engine, EngineOptions
from pbench.errors import UsageError
from pbench.interfaces import Canvas
from pbench.samplers import make_sampler
from pbench.samplers.apd import accepted
from tests.samplers.steps import MadeStep, chosen
from tests.scripted import VOCAB, Scripted, sample, sure


def _marks(text: str) -> torch.Tensor:
    return torch.tensor([[c == "x" for c in row] for row in text.split()])


@pytest.mark.parametrize(
    ("agree", "masks", "most", "found"),
    [
        ("xx.x", "xxxx", 9, [0, 1]),
        ("....", "xxxx", 9, [0]),  # the first always
        (".xx.", "xxxx", 9, [0, 1, 2]),  # and it does not end the run
        ("xxxx", "xxxx", 9, [0, 1, 2, 3]),
        ("xxxx", "xxxx", 3, [0, 1, 2]),
        ("xxxx", "..x.", 9, [2]),
        (".x.x", "xx.x", 9, [0, 1, 3]),  # what stands in between is not in the way
        (".x.x", "x..x", 1, [0]),
    ],
)
def test_the_accepted_prefix(agree, masks, most, found):
    assert chosen(accepted(_marks(agree), _marks(masks), most)) == [found]


def _step(diffusion: list[list[float]], verifier: list[list[float]]) -> tuple[MadeStep, list[torch.Tensor]]:
    drafts: list[torch.Tensor] = []
    step = MadeStep(log_probs=torch.tensor([diffusion]).log())

    def verify(draft: torch.Tensor) -> torch.Tensor:
        drafts.append(draft)
        return torch.tensor(verifier).log()

    step.verifier_log_probs = verify
    return step, drafts


DIFFUSION = [[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.5, 0.3]]
VERIFIER = [[0.0, 0.5, 0.5], [0.2, 0.8, 0.0], [0.1, 0.6, 0.3]]


@pytest.mark.parametrize(
    ("mixture", "positions"),
    [
        (1, [0, 1, 2]),  # the verifier has no say
        (0.8, [0, 1, 2]),  # second: 0.6^.8 0.2^.2 = 0.482 > 0.4^.8 0.8^.2 = 0.459
        (0.7, [0]),  # 0.6^.7 0.2^.3 = 0.431 < 0.4^.7 0.8^.3 = 0.492
        (0, [0]),
    ],
)
def test_the_target_is_the_argmax_of_the_mixture(mixture, positions):
    step, drafts = _step(DIFFUSION, VERIFIER)
    selection = make_sampler("apd", {"mixture": mixture, "verifier": "v"}).select(step)
    assert chosen(selection.commit) == [positions]
    assert drafts[0].tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("mixture", [0.001, 0.3, 0.5, 0.7, 0.999])
@pytest.mark.parametrize("favour", [0.99, 1.01])
def test_the_mixture_turns_where_the_two_models_balance(mixture, favour):
    """R a = (1 - R) b: a is how far p favours token 0, b how far the verifier favours token 1."""
    lead = favour * (1 - mixture) / mixture
    step = MadeStep(log_probs=torch.tensor([[[0.0, 0.0], [lead, 0.0]]]).log_softmax(2))
    step.verifier_log_probs = lambda draft: torch.tensor([[0.0, 0.0], [0.0, 1.0]]).log_softmax(1)
    commit = make_sampler("apd", {"mixture": mixture, "verifier": "v"}).select(step).commit
    assert chosen(commit) == ([[0, 1]] if favour > 1 else [[0]])  # the first is always accepted


def test_the_draft_holds_what_stands():
    step, drafts = _step(DIFFUSION, VERIFIER[1:])
    step.to_unmask = torch.tensor([[False, True, True]])
    step.index = step.to_unmask.nonzero()
    step.tokens = torch.tensor([[2, 1, 1]])
    step.logits = step.logits[1:]
    make_sampler("apd", {"mixture": 0.5, "verifier": "v"}).select(step)
    assert drafts[0].tolist() == [[2, 0, 1]]


def test_lookahead_bounds_the_run():
    step, _ = _step(DIFFUSION, VERIFIER)
    sampler = make_sampler("apd", {"mixture": 1, "verifier": "v", "lookahead": 2})
    assert chosen(sampler.select(step).commit) == [[0, 1]]


def test_the_window_decides_nothing_and_is_in_no_identity():
    dumps = [
        make_sampler("apd", {"mixture": 0.5, "verifier": "v", "window": window}).options.model_dump()
        for window in (0, 16)
    ]
    assert dumps[0] == dumps[1] == {"mixture": 0.5, "verifier": "v", "lookahead": 100}


class Sure:
    """A scripted verifier: wherever it is asked it wants the token that `wish` names."""

    name = "sure"
    identity: dict[str, str] = {"name": "sure"}  # noqa: RUF012 - a constant of this test
    vocab_size = VOCAB

    def __init__(self, wish: Callable[[int], int]):
        self.wish = wish

    def log_probs(self, canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
        wanted = [self.wish(column - canvas.answer_start) for _, column in positions.tolist()]
        return torch.nn.functional.one_hot(torch.tensor(wanted), VOCAB).mul(40.0).log_softmax(1)


class SmallNetwork:
    """A random causal model: a linear read-out of the sum of what stands before a position."""

    name = "small"
    identity: dict[str, str] = {"name": "small"}  # noqa: RUF012 - a constant of this test
    vocab_size = VOCAB - 2  # the last two tokens are unknown to it

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(5)
        self.embedding = torch.randn(VOCAB, 8, generator=generator)
        self.head = torch.randn(8, self.vocab_size, generator=generator)

    def log_probs(self, canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
        answers = canvas.ids[:, canvas.answer_start :]
        before = self.embedding[answers].cumsum(1) - self.embedding[answers]
        rows, columns = positions.unbind(1)
        return (before[rows, columns - canvas.answer_start].tanh() @ self.head).log_softmax(1)


def _decode(verifier: Any, batch_size: int = 1, **options: Any) -> list[Any]:
    sampler = make_sampler("apd", {"verifier": "v", **options})
    engine = Engine(Scripted(sure), sampler, 8, EngineOptions(batch_size=batch_size), verifier)
    answers = engine.run([sample(index, "abc"[: index + 1], 8) for index in range(3)])
    return sorted(answers, key=lambda answer: answer.sample.index)


def test_a_verifier_that_agrees_lets_everything_through():
    for answer in _decode(Sure(lambda place: 3 + place % 9), mixture=0.5):
        assert (answer.nfe, answer.nfe_aux) == (1, 1)
        assert answer.output_ids == tuple(range(3, 11))


def test_a_verifier_that_never_agrees_leaves_one_token_a_forward():
    for answer in _decode(Sure(lambda place: 0), mixture=0.0):
        assert (answer.nfe, answer.nfe_aux) == (8, 8)
        assert answer.commit_step == tuple(range(1, 9))
        assert answer.output_ids == tuple(range(3, 11))


def test_a_verifier_that_objects_twice_costs_two_more_forwards():
    wish = {3: 0, 6: 0}
    for answer in _decode(Sure(lambda place: wish.get(place, 3 + place % 9)), mixture=0.0):
        assert answer.commit_step == (1, 1, 1, 2, 2, 2, 3, 3)


@pytest.mark.parametrize("mixture", [0.0, 0.3, 0.9])
def test_a_random_network_as_verifier_is_the_same_in_any_batch(mixture):
    alone = _decode(SmallNetwork(), mixture=mixture)
    together = _decode(SmallNetwork(), batch_size=3, mixture=mixture)
    keys = [
        [(each.output_ids, each.commit_step, each.nfe, each.nfe_aux) for each in run]
        for run in (alone, together)
    ]
    assert keys[0] == keys[1]
    assert all(sorted(each.commit_step) == list(each.commit_step) for each in alone)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_verifier_that_is_not_finite_gives_an_error_row_and_no_answer(bad):
    class Broken(Sure):
        def log_probs(self, canvas: Canvas, positions: torch.Tensor) -> torch.Tensor:
            found = super().log_probs(canvas, positions)
            found[positions[:, 0] == 1, 2] = bad
            return found

    kinds = [each.error_kind for each in _decode(Broken(lambda place: 3 + place % 9), 3, mixture=0.5)]
    assert kinds == [None, "non_finite", None]


def test_no_verifier_is_one_clear_error_before_any_forward():
    with pytest.raises(UsageError, match="verifier"):
        _decode(None, mixture=0.5)
