"""The MoE block, and both MoE families whole, against plain renderings written token by token."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from pbench.config import checkpoint_config
from pbench.decode.canvas import BatchCanvas
from pbench.errors import ArtifactError
from pbench.models import find_model
from pbench.models.backbone import SwiGLU
from pbench.models.checkpoint import Config
from pbench.models.experts import Mixture, Router, Routing
from pbench.models.llada2 import LLADA2
from pbench.models.llada_moe import LLADA_MOE
from pbench.models.masked import Family
from tests.models.random_models import folder, model, samples

BIASED = Routing(experts=12, chosen=3, score="sigmoid", bias=True, groups=4, top_groups=2, scale=2.5)
PLAIN = Routing(experts=8, chosen=2, score="softmax", normalised=False)
NORMED = Routing(experts=8, chosen=4, score="softmax", scale=0.5)


def _random(module: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(2)
    for parameter in module.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def plain_weights(routing: Routing, logits: list[float], bias: list[float]) -> dict[int, float]:
    """Weight of each chosen expert of one token, by lists and loops."""
    if routing.score == "sigmoid":
        scores = [_sigmoid(x) for x in logits]
    else:
        total = sum(math.exp(x) for x in logits)
        scores = [math.exp(x) / total for x in logits]
    helped = [score + extra for score, extra in zip(scores, bias, strict=True)]
    size = routing.experts // routing.groups
    groups = [list(range(first, first + size)) for first in range(0, routing.experts, size)]
    groups.sort(key=lambda group: -sum(sorted((helped[e] for e in group), reverse=True)[:2]))
    eligible = [e for group in groups[: routing.top_groups] for e in group]
    chosen = sorted(eligible, key=lambda e: -helped[e])[: routing.chosen]
    whole = sum(scores[e] for e in chosen) if routing.normalised else 1.0
    return {e: scores[e] / whole * routing.scale for e in chosen}


def plain_swiglu(w: dict[str, torch.Tensor], prefix: str, x: torch.Tensor) -> torch.Tensor:
    gate, up = w[prefix + "gate_proj.weight"] @ x, w[prefix + "up_proj.weight"] @ x
    return w[prefix + "down_proj.weight"] @ (gate * torch.sigmoid(gate) * up)


def plain_mixture(routing: Routing, w: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """What the block gives for one token x [d]."""
    logits = (w["gate.weight"] @ x).tolist()
    bias = w["gate.expert_bias"].tolist() if routing.bias else [0.0] * routing.experts
    out = torch.zeros_like(x)
    for expert, weight in plain_weights(routing, logits, bias).items():
        out += weight * plain_swiglu(w, f"experts.{expert}.", x)
    if "shared_experts.up_proj.weight" in w:
        out += plain_swiglu(w, "shared_experts.", x)
    return out


@pytest.mark.parametrize("routing", [BIASED, PLAIN, NORMED])
@pytest.mark.parametrize("shared", [None, 5])
@torch.inference_mode()
def test_the_block_is_that_of_a_plain_rendering(routing: Routing, shared: int | None) -> None:
    block = _random(Mixture(routing, 6, 7, shared))
    x = torch.randn(3, 9, 6, generator=torch.Generator().manual_seed(4))
    found = block(x)
    weights = block.state_dict()
    for row in range(3):
        for column in range(9):
            plain = plain_mixture(routing, weights, x[row, column])
            torch.testing.assert_close(found[row, column], plain, atol=1e-4, rtol=1e-4)


def test_an_experts_bias_chooses_and_does_not_weigh() -> None:
    router = Router(Routing(experts=3, chosen=1, score="sigmoid", bias=True, normalised=False), 2)
    with torch.no_grad():
        router.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]))
        router.expert_bias.copy_(torch.tensor([0.0, 0.0, 9.0]))  # type: ignore[union-attr]
    weights, chosen = router(torch.tensor([[2.0, 0.0]]))
    assert chosen.tolist() == [[2]]
    assert weights.item() == pytest.approx(_sigmoid(-2.0))


def test_the_bias_stays_float32() -> None:
    block = Mixture(BIASED, 6, 7).to(torch.bfloat16)
    assert block.gate.expert_bias.dtype == torch.float32
    assert block.gate.weight.dtype == torch.bfloat16
    assert block(torch.ones(2, 6, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_an_expert_runs_once_for_all_of_its_tokens_and_idle_ones_do_not() -> None:
    block = _random(Mixture(PLAIN, 6, 7))
    calls: list[int] = []
    for number, expert in enumerate(block.experts):
        expert.register_forward_hook(lambda *_, number=number: calls.append(number))
    block(torch.ones(5, 6))
    assert len(calls) == len(set(calls)) == 2


def _norm(x: torch.Tensor, scale: torch.Tensor, eps: float) -> torch.Tensor:
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * scale


def _turned(x: torch.Tensor, position: int, dims: int, theta: float) -> torch.Tensor:
    """x [head_dim]: dimensions i and i + dims / 2 turn together, those from `dims` on stay."""
    out = x.clone()
    for i in range(dims // 2):
        angle = position / theta ** (2 * i / dims)
        a, b = x[i], x[i + dims // 2]
        out[i] = a * math.cos(angle) - b * math.sin(angle)
        out[i + dims // 2] = a * math.sin(angle) + b * math.cos(angle)
    return out


def _attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, dims: int, theta: float, block: int
) -> torch.Tensor:
    """One row's attention [L, heads * head_dim]; q [L, heads, hd], k and v [L, kv_heads, hd]."""
    length, heads, hd = q.shape
    out = torch.zeros(length, heads, hd)
    for head in range(heads):
        kv = head // (heads // k.shape[1])
        keys = torch.stack([_turned(k[j, kv], j, dims, theta) for j in range(length)])
        for i in range(length):
            seen = [j for j in range(length) if j // block <= i // block]
            scores = keys[seen] @ _turned(q[i, head], i, dims, theta) / math.sqrt(hd)
            out[i, head] = torch.softmax(scores, 0) @ v[seen, kv]
    return out.flatten(1)


def plain_llada_moe(w: dict[str, torch.Tensor], c: dict, ids: torch.Tensor) -> torch.Tensor:
    heads, eps = c["num_attention_heads"], c["rms_norm_eps"]
    hd = c["hidden_size"] // heads
    routing = Routing(
        experts=c["num_experts"], chosen=c["num_experts_per_tok"], score="softmax", normalised=False
    )
    x = w["model.embed_tokens.weight"][ids]
    for number in range(c["num_hidden_layers"]):
        at = f"model.layers.{number}."
        h = _norm(x, w[at + "input_layernorm.weight"], eps)
        q, k, v = (
            (h @ w[f"{at}self_attn.{part}_proj.weight"].T).reshape(len(ids), heads, hd) for part in "qkv"
        )
        q, k = (_norm(y, w[f"{at}self_attn.{n}_norm.weight"], eps) for y, n in ((q, "q"), (k, "k")))
        x = x + _attend(q, k, v, hd, c["rope_theta"], len(ids)) @ w[at + "self_attn.o_proj.weight"].T
        h = _norm(x, w[at + "post_attention_layernorm.weight"], eps)
        inside = {name.removeprefix(at + "mlp."): t for name, t in w.items() if name.startswith(at + "mlp.")}
        x = x + torch.stack([plain_mixture(routing, inside, token) for token in h])
    return _norm(x, w["model.norm.weight"], eps) @ w["lm_head.weight"].T


def plain_llada2(w: dict[str, torch.Tensor], c: dict, ids: torch.Tensor) -> torch.Tensor:
    heads, kv, hd, eps = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], c["rms_norm_eps"]
    routing = Routing(
        experts=c["num_experts"],
        chosen=c["num_experts_per_tok"],
        score="sigmoid",
        bias=True,
        groups=c["n_group"],
        top_groups=c["topk_group"],
        scale=c["routed_scaling_factor"],
    )
    x = w["model.word_embeddings.weight"][ids]
    for number in range(c["num_hidden_layers"]):
        at = f"model.layers.{number}."
        h = _norm(x, w[at + "input_layernorm.weight"], eps)
        parts = (h @ w[at + "attention.query_key_value.weight"].T).reshape(len(ids), heads + 2 * kv, hd)
        q = _norm(parts[:, :heads], w[at + "attention.query_layernorm.weight"], eps)
        k = _norm(parts[:, heads : heads + kv], w[at + "attention.key_layernorm.weight"], eps)
        mixed = _attend(q, k, parts[:, heads + kv :], hd // 2, c["rope_theta"], 32)
        x = x + mixed @ w[at + "attention.dense.weight"].T
        h = _norm(x, w[at + "post_attention_layernorm.weight"], eps)
        inside = {name.removeprefix(at + "mlp."): t for name, t in w.items() if name.startswith(at + "mlp.")}
        if number < c["first_k_dense_replace"]:
            x = x + torch.stack([plain_swiglu(inside, "", token) for token in h])
        else:
            x = x + torch.stack([plain_mixture(routing, inside, token) for token in h])
    return _norm(x, w["model.norm.weight"], eps) @ w["lm_head.weight"].T


@pytest.mark.parametrize(("family", "plain"), [("llada-moe", plain_llada_moe), ("llada2", plain_llada2)])
@torch.inference_mode()
def test_logits_of_the_file_are_those_of_a_plain_rendering(family, plain) -> None:
    """From the names in the file on; rows of a padded batch, over more than one block."""
    found = model(family)
    weights = load_file(folder(family) / "model.safetensors")
    config = checkpoint_config(folder(family))
    ids = [found.encode(sample) for sample in samples(4)[::3]]
    answers = [[found.mask_token_id] * 40] * len(ids)
    canvas = BatchCanvas(40, found.mask_token_id, found.pad_token_id, torch.device("cpu"))
    canvas.extend(ids, answers)
    for row, prompt in enumerate(ids):
        positions = torch.tensor([[row, canvas.answer_start + i] for i in (0, 7, 39)])
        logits = found.logits(canvas, positions)
        whole = plain(weights, config, torch.tensor([*prompt, *answers[row]]))
        wanted = whole[[len(prompt) + i for i in (0, 7, 39)]]
        wanted[:, found.mask_token_id] = -torch.inf
        torch.testing.assert_close(logits, wanted, atol=1e-4, rtol=1e-4)
    assert F.softmax(whole, -1).max(-1).values.std() > 1e-3, (
        "a model that says the same everywhere shows nothing"
    )


def _config(family: str, **changes: object) -> Config:
    return Config(Path("config.json"), checkpoint_config(folder(family)) | changes)


@pytest.mark.parametrize(
    ("family", "change", "words"),
    [
        (LLADA_MOE, {"moe_router_score_function": "sigmoid"}, "moe_router_score_function is 'sigmoid'"),
        (LLADA_MOE, {"shared_expert_intermediate_size": 8}, "shared_expert_intermediate_size is 8"),
        (LLADA_MOE, {"clip_qkv": 8.0}, "clip_qkv is 8.0; only null is implemented"),
        (LLADA2, {"score_function": "softmax"}, "score_function is 'softmax'; only 'sigmoid'"),
        (LLADA2, {"use_qkv_bias": True}, "use_qkv_bias is True"),
        (LLADA2, {"n_group": 3}, "n_group, topk_group and num_experts do not fit together"),
        (LLADA2, {"num_experts_per_tok": 99}, "num_experts_per_tok 99 is more than the 8 eligible"),
    ],
)
def test_variants_that_are_not_there_are_refused(family: Family, change: dict, words: str) -> None:
    config = _config(family.name, **change)
    with pytest.raises(ArtifactError, match=rf"config\.json: {words}"):
        family.mlp_of(config)(family.shape(config), 1)


def test_layers_are_dense_where_the_config_says_so() -> None:
    config = _config("llada-moe", moe_layer_freq=[0, 1])
    kinds = [type(LLADA_MOE.mlp_of(config)(LLADA_MOE.shape(config), number)) for number in (0, 1)]
    assert kinds == [SwiGLU, Mixture]
    config = _config("llada2")
    kinds = [type(LLADA2.mlp_of(config)(LLADA2.shape(config), number)) for number in (0, 1)]
    assert kinds == [SwiGLU, Mixture]


def test_llada_moe_is_told_from_llada_though_both_have_its_model_type() -> None:
    assert checkpoint_config(folder("llada-moe"))["model_type"] == "llada"
    assert find_model(str(folder("llada-moe"))).family == "llada-moe"
    assert find_model(str(folder("llada"))).family == "llada"
