"""The network of the bundled model: a small bidirectional transformer that can copy from its prompt.

Three departures from a plain pre-norm block, each of which the random list tasks need at this
size (docs/models.md has the measurements): half of the heads start with keys equal to queries, so
that equal tokens attend to each other; a 3-tap mix of neighbouring positions feeds attention; and
the output distribution is shared between the vocabulary and a pointer to the prompt's tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pbench.config import Strict

__all__ = ["TinyConfig", "TinyNetwork"]


class TinyConfig(Strict):
    """config.json of a checkpoint of this family; the field names follow transformers' custom."""

    model_type: str = "pbench_tiny"
    vocab_size: int
    hidden_size: int = 128
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int = 512
    max_prompt_length: int = 48
    max_answer_length: int = 64
    mask_token_id: int
    eos_token_id: int
    pad_token_id: int
    unk_token_id: int
    tasks: tuple[str, ...] = ()


class Mix(nn.Module):
    """Each position becomes a per-channel combination of itself and its two neighbours."""

    def __init__(self, width: int):
        super().__init__()
        self.left = nn.Parameter(torch.zeros(width))
        self.right = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        out = x.clone()
        out[:, 1:].addcmul_(x[:, :-1], self.left)
        out[:, :-1].addcmul_(x[:, 1:], self.right)
        return out


class Block(nn.Module):
    """Pre-norm attention and ReLU MLP; padding is zero before the mix so that it adds nothing."""

    def __init__(self, config: TinyConfig):
        super().__init__()
        d, self.heads = config.hidden_size, config.num_attention_heads
        self.attn_norm = nn.LayerNorm(d, bias=False)
        self.mix = Mix(d)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.mlp_norm = nn.LayerNorm(d, bias=False)
        self.up = nn.Linear(d, config.intermediate_size, bias=False)
        self.down = nn.Linear(config.intermediate_size, d, bias=False)

    def forward(self, x: Tensor, real: Tensor, allowed: Tensor) -> Tensor:
        """x [R, L, d]; real [R, L, 1] 1 on tokens, 0 on padding; allowed bool [R, 1, 1, L]."""
        q, k, v = self.project(self.mix(self.attn_norm(x) * real))
        return self.update(x, q, k, v, allowed)

    def project(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [R, heads, L, d / heads] of mixed inputs h [R, L, d]."""
        rows, length, width = h.shape
        split = self.qkv(h).view(rows, length, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        return q, k, v

    def update(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor) -> Tensor:
        """x [R, L, d] after attention of its queries and after the MLP."""
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 attention is slower on a CPU
            h = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=allowed)
        x = x + self.out(h.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.relu(self.up(self.mlp_norm(x))))


class TinyNetwork(nn.Module):
    """Token ids to logits; parameters are named as in model.safetensors."""

    def __init__(self, config: TinyConfig):
        super().__init__()
        d = config.hidden_size
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, d)
        self.prompt_position = nn.Embedding(config.max_prompt_length, d)
        self.answer_position = nn.Embedding(config.max_answer_length, d)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(d, bias=False)
        self.pointer_query = nn.Linear(d, d, bias=False)
        self.pointer_key = nn.Linear(d, d, bias=False)

    def initialise(self, generator: torch.Generator) -> None:
        """Normal(0, 0.02-like) weights; keys equal queries in half of the heads of every block."""
        d = self.config.hidden_size
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                scale = 0.5 if name.startswith("embed") else 0.1 if "position" in name else d**-0.5
                nn.init.normal_(parameter, 0.0, scale, generator=generator)
        with torch.no_grad():
            for module in self.blocks:
                assert isinstance(module, Block)
                half = d // module.heads * max(1, module.heads // 2)
                module.qkv.weight[d : d + half] = module.qkv.weight[:half]
                module.out.weight.mul_(0.3)
                module.down.weight.mul_(0.3)

    def hidden(self, ids: Tensor, attention_mask: Tensor, position_ids: Tensor, answer_start: int) -> Tensor:
        """Hidden states [R, L, d]; prompt positions count from the row's first token, answer ones from 0."""
        real = attention_mask.unsqueeze(-1).to(self.embed.weight.dtype)
        answer = torch.arange(ids.shape[1] - answer_start, device=ids.device)
        prompt = self.prompt_position(position_ids[:, :answer_start])
        places = self.answer_position(answer).expand(ids.shape[0], -1, -1)
        x = self.embed(ids) + torch.cat([prompt, places], dim=1)
        allowed = attention_mask[:, None, None, :]
        for block in self.blocks:
            x = block(x, real, allowed)
        return self.norm(x)

    def head(
        self, hidden: Tensor, positions: Tensor, ids: Tensor, attention_mask: Tensor, answer_start: int
    ) -> Tensor:
        """Logits [N, V] at positions [N, 2]: log of vocabulary weights plus copied prompt weights.

        Both parts are unnormalised, so one softmax over the sum decides between writing a token
        of the vocabulary and copying one that stands in the prompt.
        """
        rows, columns = positions.unbind(1)
        keys = self.pointer_key(hidden[:, :answer_start])
        pointer = self.pointer(hidden[:, answer_start:], keys, attention_mask[:, :answer_start])
        return self.share(
            hidden[rows, columns], pointer[rows, columns - answer_start], ids[rows, :answer_start]
        )

    def pointer(self, hidden: Tensor, keys: Tensor, prompt: Tensor) -> Tensor:
        """Copy scores [R, Q, P] of hidden [R, Q, d] over prompt keys [R, P, d]; prompt bool [R, P]."""
        queries = self.pointer_query(hidden) * self.config.hidden_size**-0.5
        return (queries @ keys.transpose(1, 2)).masked_fill(~prompt[:, None, :], -torch.inf)

    def share(self, hidden: Tensor, pointer: Tensor, prompt: Tensor) -> Tensor:
        """Logits [N, V] of hidden [N, d] with copy scores [N, P] of the prompt ids [N, P]."""
        logits = hidden @ self.embed.weight.T * self.config.hidden_size**-0.5
        top = torch.maximum(logits.amax(1), pointer.amax(1)).detach().unsqueeze(1)
        weights = (logits - top).exp()
        weights = weights.scatter_add(1, prompt, (pointer - top).exp())
        return weights.clamp_min(torch.finfo(weights.dtype).tiny).log() + top
