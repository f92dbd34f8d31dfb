"""The networks against other code: transformers' Qwen2 and Qwen3, and LLaDA written out plainly."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from pbench.decode.canvas import BatchCanvas, CanvasView
from pbench.models.backbone import Rotation
from tests.models.random_models import folder, model

TOLERANCE = 1e-4
PROMPTS = [[5, 6, 7, 8, 9], [30, 31, 32, 33, 34, 35, 36, 37, 38, 39], [250]]
GEN_LENGTH = 6


def canvas_of(denoiser) -> BatchCanvas:
    canvas = BatchCanvas(GEN_LENGTH, denoiser.mask_token_id, denoiser.pad_token_id, torch.device("cpu"))
    answers = [[denoiser.mask_token_id] * 4 + [40 + row, 41] for row in range(len(PROMPTS))]
    canvas.extend(PROMPTS, answers)
    return canvas


def every_position(canvas) -> torch.Tensor:
    """All real positions, rows mixed: the order in which logits are asked for is nobody's business."""
    positions = canvas.attention_mask.nonzero()
    return positions[torch.randperm(len(positions), generator=torch.Generator().manual_seed(1))]


def transformers_logits(family: str, ids: list[int], allowed: torch.Tensor) -> torch.Tensor:
    """Logits [L, V] of one unpadded row, by transformers' own network under our mask [L, L]."""
    import transformers

    config = {**model_config(family), "attn_implementation": "eager"}
    for key in ("model_type", "architectures"):
        config.pop(key)
    name = "Qwen3" if family == "sdar" else "Qwen2"
    settings = getattr(transformers, f"{name}Config")(**config)
    network = getattr(transformers, f"{name}ForCausalLM")(settings).eval()
    network.load_state_dict(load_file(folder(family) / "model.safetensors"))
    mask = torch.zeros(allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)
    with torch.no_grad():
        return network(torch.tensor([ids]), attention_mask=mask[None, None]).logits[0]


def model_config(family: str) -> dict:
    import json

    return json.loads((folder(family) / "config.json").read_text())


@pytest.mark.parametrize("family", ["dream", "sdar", "fast-dllm-v2"])
def test_qwen_families_agree_with_transformers(family):
    denoiser = model(family)
    canvas = canvas_of(denoiser)
    positions = every_position(canvas)
    found = denoiser.logits(canvas, positions)
    for row, prompt in enumerate(PROMPTS):
        ids = canvas.ids[row][canvas.attention_mask[row]].tolist()
        blocks = torch.arange(len(ids)) // (denoiser.block or len(ids))
        expected = transformers_logits(family, ids, blocks[None, :] <= blocks[:, None])
        if family != "sdar":  # the prediction of a position stands in the row before
            expected = torch.cat([expected[:1], expected[:-1]])
        expected[:, denoiser.mask_token_id] = -torch.inf
        mine = positions[:, 0] == row
        at = positions[mine, 1] - (canvas.answer_start - len(prompt))
        torch.testing.assert_close(found[mine], expected[at], atol=TOLERANCE, rtol=0)


def plain_llada(ids: list[int]) -> torch.Tensor:
    """LLaDA on one unpadded row from the published names and formulas, head by head; logits [L, V]."""
    w = load_file(folder("llada") / "model.safetensors")
    config = model_config("llada")
    heads, eps, theta = config["n_heads"], config["rms_norm_eps"], config["rope_theta"]

    def norm(x, weight):
        return torch.stack([v / (v.pow(2).sum() / len(v) + eps).sqrt() for v in x]) * weight

    def turned(x):
        half = x.shape[1] // 2
        out = x.clone()
        for position in range(len(x)):
            for pair in range(half):
                angle = torch.tensor(position * theta ** (-2 * pair / x.shape[1]))
                a, b = x[position, pair], x[position, pair + half]
                out[position, pair] = a * angle.cos() - b * angle.sin()
                out[position, pair + half] = a * angle.sin() + b * angle.cos()
        return out

    x = w["model.transformer.wte.weight"][ids]
    for number in range(config["n_layers"]):
        block = {
            k.split(".")[4]: v for k, v in w.items() if k.startswith(f"model.transformer.blocks.{number}.")
        }
        h = norm(x, block["attn_norm"])
        q, k, v = (h @ block[name].T for name in ("q_proj", "k_proj", "v_proj"))
        mixed = []
        for qh, kh, vh in zip(q.chunk(heads, 1), k.chunk(heads, 1), v.chunk(heads, 1), strict=True):
            scores = turned(qh) @ turned(kh).T / qh.shape[1] ** 0.5
            mixed.append(scores.softmax(1) @ vh)
        x = x + torch.cat(mixed, 1) @ block["attn_out"].T
        h = norm(x, block["ff_norm"])
        gate, up = h @ block["ff_proj"].T, h @ block["up_proj"].T
        x = x + (gate / (1 + (-gate).exp()) * up) @ block["ff_out"].T
    return norm(x, w["model.transformer.ln_f.weight"]) @ w["model.transformer.ff_out.weight"].T


def test_llada_agrees_with_its_block_written_out():
    denoiser = model("llada")
    canvas = canvas_of(denoiser)
    positions = every_position(canvas)
    found = denoiser.logits(canvas, positions)
    for row, prompt in enumerate(PROMPTS):
        expected = plain_llada(canvas.ids[row][canvas.attention_mask[row]].tolist())
        expected[:, denoiser.mask_token_id] = -torch.inf
        mine = positions[:, 0] == row
        at = positions[mine, 1] - (canvas.answer_start - len(prompt))
        torch.testing.assert_close(found[mine], expected[at], atol=TOLERANCE, rtol=0)


def test_partial_rotation_turns_the_first_dimensions_alone():
    x = torch.randn(1, 5, 2, 8, generator=torch.Generator().manual_seed(0))
    positions = torch.arange(5).unsqueeze(0)
    part, whole = Rotation.at(positions, 4, 1e4)(x), Rotation.at(positions, 4, 1e4)(x[..., :4])
    assert torch.equal(part[..., 4:], x[..., 4:])
    assert torch.equal(part[..., :4], whole)
    assert not torch.allclose(part[:, 1:, :, :4], x[:, 1:, :, :4])


@pytest.mark.parametrize("family", ["llada", "sdar"])
def test_columns_beside_the_sequence_see_what_the_mask_says(family):
    """A row followed by a second, hidden copy of itself: the first answers as if it stood alone."""
    denoiser = model(family)
    canvas = canvas_of(denoiser)
    length = canvas.length
    seen = torch.zeros(len(PROMPTS), 2 * length, 2 * length, dtype=torch.bool)
    seen[:, :length, :length] = canvas.attention_mask.unsqueeze(1)
    seen[:, length:, length:] = canvas.attention_mask.unsqueeze(1)
    twice = CanvasView(
        canvas.ids.repeat(1, 2),
        canvas.attention_mask.repeat(1, 2),
        canvas.position_ids.repeat(1, 2),
        canvas.prompt_lengths,
        canvas.answer_start,
        length,
        seen,
    )
    positions = canvas.attention_mask.nonzero()
    alone = denoiser.logits(canvas, positions)
    copies = positions + torch.tensor([0, length])
    torch.testing.assert_close(denoiser.logits(twice, positions), alone, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(denoiser.logits(twice, copies), alone, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("family", ["llada", "dream", "sdar", "fast-dllm-v2"])
def test_the_mask_token_has_no_probability_and_nobody_is_asked_for_nothing(family):
    denoiser = model(family)
    canvas = canvas_of(denoiser)
    logits = denoiser.logits(canvas, torch.tensor([[1, canvas.answer_start]]))
    assert logits.shape == (1, denoiser.vocab_size)
    assert logits[0, denoiser.mask_token_id] == -torch.inf
    assert int(logits.isfinite().sum()) == denoiser.vocab_size - 1
    assert denoiser.logits(canvas, torch.zeros(0, 2, dtype=torch.long)).shape == (0, denoiser.vocab_size)
