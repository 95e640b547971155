"""Losses on similarities S [B, C] of queries and passages: no language model takes part in them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

#: What a cell of S is.
LEFT_OUT, NEGATIVE, POSITIVE = 0, 1, 2


def cell_roles(size: int, labels: list[int], partners_of: list[list[int]], partners_are_positive: bool) -> torch.Tensor:
    """Roles [B, B + N]: the diagonal positive, all else negative, but for hard negatives (the last N columns) of a row's own document,
    which are left out. `partners_of`: of each hard negative, the rows whose document it is of."""
    roles = torch.full((size, size + len(partners_of)), NEGATIVE)
    of = torch.tensor(labels)
    same = (of[:, None] == of[None]) if partners_are_positive else torch.eye(size, dtype=torch.bool)
    roles[:, :size][same] = POSITIVE
    for column, rows in enumerate(partners_of, size):
        roles[rows, column] = LEFT_OUT
    return roles


def decoupled_cross_entropy(similarity: torch.Tensor, roles: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean over all positives of -ln of their share against the negatives of their row alone (Gupta et al., ICLR 2024, with a mean
    where they sum). With one positive a row it is InfoNCE."""
    logits = similarity / temperature
    against = logits.masked_fill(roles != NEGATIVE, -torch.inf).logsumexp(1, keepdim=True)
    return (torch.logaddexp(logits, against) - logits)[roles == POSITIVE].mean()


def mann_whitney(similarity: torch.Tensor, roles: torch.Tensor, temperature: float) -> torch.Tensor:
    """Every positive of the batch against every negative of it: mean of -ln sigmoid((S_p - S_n) / t) (arXiv 2510.00137)."""
    positives, negatives = similarity[roles == POSITIVE], similarity[roles == NEGATIVE]
    if negatives.numel() == 0:
        return similarity.sum() * 0
    return F.softplus((negatives[None] - positives[:, None]) / temperature).mean()


def diagonal_accuracy(similarity: torch.Tensor) -> torch.Tensor:
    """Share of rows of [B, B] whose highest entry is their own, ties shared."""
    best = similarity == similarity.max(1, keepdim=True).values
    return (best.diagonal() / best.sum(1)).mean()


def list_divergence(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """1/B sum_i KL(P_i || Q_i) of rows over all columns but their own: P = `wanted`, Q = softmax of `logits`."""
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    shares = logits.masked_fill(own, -torch.inf).log_softmax(-1).masked_fill(own, 0)
    return (torch.xlogy(wanted, wanted) - wanted * shares).sum(-1).mean()
