"""SEDD's network against a plain rendering of the published one, on its weight names."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from pbench.errors import ArtifactError
from pbench.models.sedd_network import SeddConfig, SeddNetwork

CONFIG = {
    "ngpus": 8,
    "tokens": 40,
    "graph": {"type": "absorb", "file": "data"},
    "noise": {"type": "loglinear", "sigma_min": 1e-4, "sigma_max": 20},
    "model": {
        "name": "small",
        "hidden_size": 16,
        "cond_dim": 8,
        "length": 64,
        "n_blocks": 2,
        "n_heads": 2,
        "scale_by_sigma": True,
        "dropout": 0.1,
    },
}


def network(**changes: object) -> SeddNetwork:
    torch.manual_seed(3)
    found = SeddNetwork(SeddConfig.read(CONFIG | changes, Path("config.json")))
    for parameter in found.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return found.eval()


def _norm(x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    mean = x.mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + 1e-5) * scale


def _turn(x: torch.Tensor) -> torch.Tensor:
    """x [L, width] as pairs (i, i + width / 2), pair i turned by position / 10000^(2i / width)."""
    out = x.clone()
    half = x.shape[1] // 2
    for position in range(len(x)):
        for i in range(half):
            angle = position / 10_000 ** (2 * i / x.shape[1])
            a, b = x[position, i], x[position, i + half]
            out[position, i] = a * math.cos(angle) - b * math.sin(angle)
            out[position, i + half] = b * math.cos(angle) + a * math.sin(angle)
    return out


def plain_log_scores(
    w: dict[str, torch.Tensor], ids: torch.Tensor, sigma: float, scaled: bool
) -> torch.Tensor:
    """log ratios [L, V] of one unpadded row, from a state dict alone."""
    angles = torch.tensor([sigma * 10_000 ** (-i / 128) for i in range(128)])
    level = torch.cat([angles.cos(), angles.sin()])
    level = w["sigma_map.mlp.0.weight"] @ level + w["sigma_map.mlp.0.bias"]
    level = w["sigma_map.mlp.2.weight"] @ F.silu(level) + w["sigma_map.mlp.2.bias"]
    c = F.silu(level)
    x = w["vocab_embed.embedding"][ids]
    width = x.shape[1] // 2  # of a head
    for number in range(2):
        b = {key.split(".", 2)[2]: value for key, value in w.items() if key.startswith(f"blocks.{number}.")}
        m = (b["adaLN_modulation.weight"] @ c + b["adaLN_modulation.bias"]).reshape(6, -1)
        h = _norm(x, b["norm1.weight"]) * (1 + m[1]) + m[0]
        qkv = (h @ b["attn_qkv.weight"].T).reshape(len(ids), 3, 2, width)
        heads = []
        for head in range(2):
            q, k, v = _turn(qkv[:, 0, head]), _turn(qkv[:, 1, head]), qkv[:, 2, head]
            heads.append(torch.softmax(q @ k.T / math.sqrt(width), -1) @ v)
        x = x + m[2] * (torch.cat(heads, 1) @ b["attn_out.weight"].T)
        h = _norm(x, b["norm2.weight"]) * (1 + m[4]) + m[3]
        h = F.gelu(h @ b["mlp.0.weight"].T + b["mlp.0.bias"], approximate="tanh")
        x = x + m[5] * (h @ b["mlp.2.weight"].T + b["mlp.2.bias"])
    shift, scale = (
        w["output_layer.adaLN_modulation.weight"] @ c + w["output_layer.adaLN_modulation.bias"]
    ).chunk(2)
    x = _norm(x, w["output_layer.norm_final.weight"]) * (1 + scale) + shift
    out = x @ w["output_layer.linear.weight"].T + w["output_layer.linear.bias"]
    if scaled:
        out = out - math.log(math.exp(sigma) - 1) - math.log(out.shape[1] - 1)
    for position, token in enumerate(ids.tolist()):
        out[position, token] = 0.0
    return out


@pytest.mark.parametrize("graph", ["absorb", "uniform"])
@pytest.mark.parametrize("sigma", [0.02, 3.0])
@torch.inference_mode()
def test_scores_are_those_of_a_plain_rendering(graph: str, sigma: float) -> None:
    scaled = graph == "absorb"
    model = CONFIG["model"] | {"scale_by_sigma": scaled}  # type: ignore[operator]
    found = network(graph={"type": graph}, model=model)
    states = 41 if graph == "absorb" else 40
    lengths = [9, 5]
    ids = torch.randint(states, (2, 9), generator=torch.Generator().manual_seed(1))
    condition = found.condition(sigma)
    hidden = found.hidden(ids, torch.tensor(lengths), condition)
    for row, length in enumerate(lengths):
        scores = found.log_scores(hidden[row, :length], ids[row, :length], condition, sigma)
        plain = plain_log_scores(found.state_dict(), ids[row, :length], sigma, scaled)
        assert scores.shape == (length, states)
        torch.testing.assert_close(scores, plain, rtol=1e-4, atol=1e-4)


def test_parameters_have_the_published_names() -> None:
    names = set(network().state_dict())
    block = {
        "norm1.weight", "attn_qkv.weight", "attn_out.weight", "norm2.weight", "mlp.0.weight", "mlp.0.bias",
        "mlp.2.weight", "mlp.2.bias", "adaLN_modulation.weight", "adaLN_modulation.bias",
    }  # fmt: skip
    head = {
        "vocab_embed.embedding", "sigma_map.mlp.0.weight", "sigma_map.mlp.0.bias", "sigma_map.mlp.2.weight",
        "sigma_map.mlp.2.bias", "output_layer.norm_final.weight",
        "output_layer.linear.weight", "output_layer.linear.bias", "output_layer.adaLN_modulation.weight",
        "output_layer.adaLN_modulation.bias",
    }  # fmt: skip
    assert names == head | {f"blocks.{number}.{name}" for number in range(2) for name in block}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tokens": None}, "tokens"),
        ({"graph": {"type": "grid"}}, "graph.type"),
        ({"graph": {"type": "uniform"}}, "scale_by_sigma"),
        ({"model": CONFIG["model"] | {"n_heads": 3}}, "hidden_size"),  # type: ignore[operator]
    ],
)
def test_a_wrong_config_names_the_key(change: dict[str, object], words: str) -> None:
    with pytest.raises(ArtifactError, match=rf"config\.json: .*{words}"):
        SeddConfig.read(CONFIG | change, Path("config.json"))
