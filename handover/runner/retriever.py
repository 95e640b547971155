"""A text's vector: pooled hidden states, less the mean of its side, at length 1."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .rows import Padded

SIDES = ("query", "passage")


def pooled(hidden: torch.Tensor, rows: Padded, pooling: str) -> torch.Tensor:
    """One vector per row [B, D] of hidden states [B, L, D], in float32."""
    hidden = hidden.float()
    if pooling == "first":
        return hidden[:, 0]
    if pooling == "eos":
        return hidden[torch.arange(len(hidden), device=hidden.device), rows.lengths - 1]
    first, end = rows.spans.unbind(1) if pooling == "content" else (torch.zeros_like(rows.lengths), rows.lengths)
    at = torch.arange(hidden.shape[1], device=hidden.device)
    inside = ((at >= first[:, None]) & (at < end[:, None])).to(hidden.dtype)
    return (hidden * inside[..., None]).sum(1) / inside.sum(1, keepdim=True)


class Retriever(torch.nn.Module):
    """A decoder without head as a retriever. `centre` [2, D]: what queries and passages are less by; None: nothing."""

    def __init__(self, model: torch.nn.Module, pooling: str, centre: torch.Tensor | None = None):
        super().__init__()
        self.model, self.pooling = model, pooling
        self.register_buffer("centre", centre, persistent=False)

    def forward(self, rows: Padded, side: str) -> torch.Tensor:
        """Vectors [B, D] of length 1."""
        hidden = self.model(input_ids=rows.ids, attention_mask=rows.mask, use_cache=False).last_hidden_state
        vectors = pooled(hidden, rows, self.pooling)
        if self.centre is not None:
            vectors = vectors - self.centre[SIDES.index(side)]
        return F.normalize(vectors, dim=-1)
