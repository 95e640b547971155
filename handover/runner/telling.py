"""A step as the page draws it: numbers, and for some steps the batch with its matrices."""

from __future__ import annotations

from typing import Any

import torch

from .objectives import Outcome
from .batches import Batch


def recall_at_1(similarity: torch.Tensor, labels: list[int]) -> dict[str, float]:
    """Share of rows whose highest S_ij among j != i has their label, ties shared, and what guessing would give; over rows that have
    both a partner and a rival. Empty where there is none."""
    of = torch.tensor(labels)
    scores = similarity.detach().float().cpu()
    others = ~torch.eye(len(of), dtype=torch.bool)
    partners = (of[:, None] == of[None]) & others
    counts = partners.sum(1)
    rows = (counts > 0) & (counts < len(of) - 1)
    if not rows.any():
        return {}
    best = (scores == scores.masked_fill(~others, -torch.inf).max(1, keepdim=True).values) & others
    credit = (best & partners).sum(1) / best.sum(1)
    return {"recallAt1": credit[rows].mean().item(), "chance": (counts[rows] / (len(of) - 1)).mean().item()}


def step_metrics(outcome: Outcome, batch: Batch, more: dict[str, float]) -> dict[str, Any]:
    """The numbers of a step, by the page's names; those of its last batch where it has several, as the page has it."""
    searched = outcome.matrices["searched" if "searched" in outcome.matrices else "similarity"]
    return {
        "loss": float(outcome.loss.detach()),
        **{key: float(value.detach()) for key, value in outcome.metrics.items()},
        **(recall_at_1(searched, batch.labels) if batch.group.get("labels") else {}),
        **more,
        "memory": {},
    }


def snapshot(outcome: Outcome, batch: Batch, metrics: dict[str, Any], tokenizer) -> dict[str, Any]:
    """The batch of a step with its matrices and the loss of each token."""
    labels, group = batch.labels, batch.group
    order = list(dict.fromkeys(labels))
    titles = group.get("titles") or [""] * len(labels)
    texts = [
        {
            "text": text,
            "document": order.index(label),
            "documentTitle": title,
            "tokens": [tokenizer.decode([token]) for token in tokenizer(text)["input_ids"][: int(length)]],
        }
        for text, label, title, length in zip(
            group["text"], labels, titles, (batch.texts if batch.texts is not None else batch.passages).lengths
        )
    ]
    return {
        "metrics": metrics,
        "batch": {"chunks": texts},
        **{key: matrix.detach().float().flatten().tolist() for key, matrix in outcome.matrices.items() if key != "searched"},
        **{key: [row.detach().float().tolist() for row in rows] for key, rows in outcome.token_rows.items()},
    }
