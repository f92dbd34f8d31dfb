"""The training pass gives each masked token the logits that decoding would."""

from __future__ import annotations

import pytest
import torch

from pbench.decode.canvas import CanvasView
from pbench.errors import UsageError
from pbench.models import find_model, load_model
from pbench.train.examples import encode, from_tasks
from pbench.train.forward import masked_logits, require_tunable
from tests.models import random_models
from tests.train.made import batch


def canvas(model, prompt: list[int], answer: torch.Tensor) -> CanvasView:
    ids = torch.cat([torch.tensor(prompt), answer]).unsqueeze(0)
    places = torch.arange(ids.shape[1]).unsqueeze(0)
    lengths = torch.tensor([len(prompt)])
    return CanvasView(ids, torch.ones_like(ids, dtype=torch.bool), places, lengths, len(prompt), ids.shape[1])


def decoded_logits(model, prompt: list[int], answer: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
    """Logits of one row's masked places by the decoder's own pass, each with the blocks before it clean."""
    found = []
    for place in masked.nonzero().flatten().tolist():
        first = 0
        if model.block is not None:
            first = max(0, (len(prompt) + place) // model.block * model.block - len(prompt))
        noisy = torch.cat([answer[:first], answer[first:].masked_fill(masked[first:], model.mask_token_id)])
        where = torch.tensor([[0, len(prompt) + place]])
        found.append(model.logits(canvas(model, prompt, noisy), where))
    return torch.cat(found)


@pytest.mark.parametrize("family", random_models.FAMILIES)
def test_training_sees_what_decoding_sees(family):
    model = random_models.model(family)
    rows = batch(model, 3)
    masked = torch.rand(rows.answers.shape, generator=torch.Generator().manual_seed(3)) < 0.6
    with torch.no_grad():
        found = masked_logits(model, rows, masked)
    expected = torch.cat(
        [decoded_logits(model, *row) for row in zip(rows.prompts, rows.answers, masked, strict=True)]
    )
    assert torch.allclose(found, expected, atol=2e-4)


def test_the_bundled_model_trains_on_what_it_decodes():
    model = load_model(find_model("tiny"), "cpu")
    training, _ = from_tasks(["waiting_line/sort", "waiting_line/shuffle"], 2, 0, None)
    rows = encode(model, training)
    masked = torch.rand(rows.answers.shape, generator=torch.Generator().manual_seed(3)) < 0.6
    with torch.no_grad():
        found = masked_logits(model, rows, masked)
    places = masked.nonzero()
    for number, prompt in enumerate(rows.prompts):
        noisy = rows.answers[number].masked_fill(masked[number], model.mask_token_id)
        own = masked[number].nonzero() + len(prompt)
        where = torch.cat([torch.zeros_like(own), own], dim=1)
        expected = model.logits(canvas(model, prompt, noisy), where)
        assert torch.allclose(found[places[:, 0] == number], expected, atol=1e-4)


def test_other_models_cannot_be_trained():
    with pytest.raises(UsageError, match="family oracle cannot be fine-tuned"):
        require_tunable(load_model(find_model("oracle"), "cpu"))
