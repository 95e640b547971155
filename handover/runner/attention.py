"""The in-batch attention, as an attention implementation of transformers: any decoder that asks
ALL_ATTENTION_FUNCTIONS runs with it unchanged. What a pass is to do comes with its keyword arguments, which layers hand on, so
that a layer that is computed again for its gradient does the same again."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

NAME = "revela"
#: The keyword argument of a pass.
CONTEXT = "revela_context"
#: Added to the divisor of V-normalisation.
EPSILON = 1e-6


@dataclass
class Kept:
    """The plain pass: keys and values [B, KV heads, L, head] that layers leave behind, by layer."""

    layers: frozenset[int]
    detach: bool
    keys_values: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """The in-batch pass: what it reads of the other rows. `attention` [B, B] with zeros on its diagonal, `mask` [B, L],
    `gates` a factor per layer."""

    kept: Kept
    attention: torch.Tensor
    mask: torch.Tensor
    gates: torch.Tensor
    v_norm: bool


def in_batch_attention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **kwargs):
    """Causal self-attention of each row, and what the pass reads besides: [B, L, heads, head]."""
    context = kwargs.pop(CONTEXT, None)
    own, _ = sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs)
    layer = module.layer_idx
    if isinstance(context, Kept) and layer in context.layers:
        context.keys_values[layer] = (key.detach(), value.detach()) if context.detach else (key, value)
    if isinstance(context, Reading) and layer in context.kept.layers:
        read = neighbours(query, *context.kept.keys_values[layer], context, scaling or query.shape[-1] ** -0.5)
        own = own + context.gates[layer].to(own.dtype) * read.transpose(1, 2)
    return own, None


def neighbours(query, key, value, context: Reading, scaling: float) -> torch.Tensor:
    """sum_j A_ij O_ij / (N_ij + eps) [B, heads, L, head], with O_ij = P_ij V_j, P_ij = softmax over all tokens of row j of
    Q_i K_j^T, N_ij = P_ij |V_j| (docs/METHOD.md of the playground, step 4). Row by row: a pair with A_ij = 0 carries neither value
    nor gradient, and is left out."""
    groups = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    hidden = (context.mask == 0)[:, None, None, :]
    rows = []
    for i in range(query.shape[0]):
        read = (context.attention[i] > 0).nonzero().flatten()
        if read.numel() == 0:
            rows.append(torch.zeros_like(query[i]))
            continue
        scores = (query[i] @ key[read].transpose(-1, -2)) * scaling
        shares = scores.float().masked_fill(hidden[read], float("-inf")).softmax(-1).to(query.dtype)
        found = shares @ value[read]
        if context.v_norm:
            found = found / (shares @ value[read].norm(dim=-1, keepdim=True) + EPSILON)
        rows.append(torch.einsum("j,jhqd->hqd", context.attention[i][read].to(found.dtype), found))
    return torch.stack(rows)


AttentionInterface.register(NAME, in_batch_attention)
AttentionMaskInterface.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
