"""Whether these models on this machine compute what the page computed: one batch, before anything is trained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from .batches import Collator, square
from .objectives import Objective, softmax_of_others
from .settings import Job, JobError

#: Most that a loss (nats) or a cosine may differ by: what orders of summation change in float32, and what 8 bits of precision do.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 1e-2}


@dataclass(frozen=True)
class Difference:
    """A number or matrix of the first step: how far it is off at most, and how far it may be."""

    what: str
    found: float
    allowed: float


def first_step(job: Job, path: Path, objective: Objective, collate: Collator, device, dtype) -> list[Difference]:
    """Compares the batch of first-step.json with what the page expects of it.

    A = softmax(S / tau) may differ by what the difference of S makes of it: 1/2 max|dS| / tau, and each loss is taken with the A that
    the page had, so that a small tau does not blow up the last digits of S.
    """
    expected = json.loads(path.read_text(encoding="utf8"))
    batch = collate(expected["group"]).to(device)
    size = len(batch.labels)
    allowed = TOLERANCE[dtype]
    given = {key: square(expected["matrices"][key], size).to(device) for key in ("similarity", "attention") if key in expected["matrices"]}
    with torch.no_grad():
        found = objective(batch, fixed_attention=given["attention"] if job["objective"] == "revela" else None)
        differences = [
            Difference(key, abs(float(found.metrics[key]) - value), allowed)
            for key, value in expected["metrics"].items()
            if key in found.metrics and value is not None
        ]
        if job["objective"] == "revela" and job["attention"] == "learned":
            similarity = objective.models.retriever(batch.queries, "query") @ objective.models.retriever(batch.passages, "passage").T
            attention = softmax_of_others(similarity / job["temperature"])
            off = (similarity - given["similarity"]).abs().max().item()
            reach = min(1.0, off / (2 * job["temperature"]) + allowed)
            differences += [
                Difference("S", off, allowed),
                Difference("A", (attention - given["attention"]).abs().max().item(), reach),
            ]
    return differences


def report(differences: list[Difference], is_exact: bool) -> str:
    """The comparison in lines. Raises JobError where it is off, unless the page itself computed with rounded numbers."""
    lines = [f"  {one.what:<20} off by {one.found:.1e}, allowed {one.allowed:.1e}" for one in differences]
    worst = [one for one in differences if not one.found <= one.allowed]
    text = "First step, against what the page computed:\n" + "\n".join(lines)
    if not worst:
        return text
    if not is_exact:
        return f"{text}\nThe page computed with rounded numbers (base weights in int8 or packed, or products of 16 bits), so it may differ."
    raise JobError(
        f"{text}\nThis is not the step that the page would make: another base, tokenizer or version of a library. "
        "Training would not be a continuation. Compare requirements.txt and the base's revision; --skip-check trains all the same."
    )
