"""What is trained for, on one batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from . import losses
from .attention import CONTEXT, Kept, Reading
from .batches import Batch
from .models import Models
from .rows import Padded
from .settings import CONTRASTIVE, Job

#: Temperature of the contrast beside distillation.
CONTRAST_TEMPERATURE = 0.01
#: What the page calls the loss of a contrastive objective, and the share of matched pairs.
CONTRASTIVE_KEYS = {
    "infoNce": ("infoNceLoss", "cropAccuracy"),
    "decoupledSoftmax": ("decoupledLoss", "cropAccuracy"),
    "mannWhitney": ("mannWhitneyLoss", "cropAccuracy"),
    "inverseCloze": ("inverseClozeLoss", "clozeAccuracy"),
}


@dataclass(frozen=True)
class Outcome:
    """A batch's loss with its gradient, and what is told of it: numbers by the page's names for them, matrices [B, B] likewise, and
    losses of tokens, a list per row."""

    loss: torch.Tensor
    metrics: dict[str, torch.Tensor]
    matrices: dict[str, torch.Tensor]
    token_rows: dict[str, list[torch.Tensor]] = field(default_factory=dict)


class Objective(torch.nn.Module):
    """The models and their loss as one module, so that whatever splits a module over devices sees all of it at once."""

    def __init__(self, models: Models, job: Job):
        super().__init__()
        self.models, self.job = models, job
        layers = models.language_model.config.num_hidden_layers if models.language_model is not None else 0
        chosen = range(layers) if job.context_layers is None else job.context_layers
        read = models.gates is not None or job["contextGate"] != 0
        self.reading_layers = frozenset(chosen) if read else frozenset()

    def forward(self, batch: Batch | Padded, side: str | None = None, fixed_attention: torch.Tensor | None = None):
        """What a batch comes to (Outcome), or with a `side` the vectors [B, D] of rows: where a module is split over devices, its
        parts are whole only in here. `fixed_attention` [B, B] is read in place of the retriever's, whatever the batch has."""
        if side is not None:
            return self.models.retriever(batch, side)
        objective = self.job["objective"]
        if objective == "revela":
            return self._revela(batch, fixed_attention if fixed_attention is not None else batch.attention)
        if objective in CONTRASTIVE:
            return self._contrastive(batch)
        return self._distillation(batch)

    def _similarity(self, batch: Batch) -> torch.Tensor:
        """S_ij = cos(query i, passage j) [B, C]."""
        return self.models.retriever(batch.queries, "query") @ self.models.retriever(batch.passages, "passage").T

    def _revela(self, batch: Batch, fixed: torch.Tensor | None) -> Outcome:
        job, model = self.job, self.models.language_model
        with torch.set_grad_enabled(torch.is_grad_enabled() and job.retriever.learns and fixed is None):
            similarity = self._similarity(batch)
        attention = softmax_of_others(similarity / job["temperature"]) if fixed is None else fixed
        rows = batch.texts
        kept = Kept(self.reading_layers, job["detachKeyValues"])
        alone = self._logits(rows, kept)
        gates = self.models.gates
        if gates is None:
            gates = attention.new_full((model.config.num_hidden_layers,), job["contextGate"])
        both = self._logits(rows, Reading(kept, attention, rows.mask, gates, job["vNorm"]))
        keep = predicted(rows, job["lossMask"])
        of_tokens = {"tokenLoss": token_losses(both, rows.ids), "isolatedTokenLoss": token_losses(alone, rows.ids)}
        ntp, isolated = ((one * keep).sum() / keep.sum() for one in of_tokens.values())
        return Outcome(
            loss=ntp + isolated if job["dualLoss"] else ntp,
            metrics={"ntpLoss": ntp, "isolatedLoss": isolated, "effectiveDocuments": effective_documents(attention)},
            matrices={"similarity": similarity, "attention": attention},
            token_rows={key: [row[at] for row, at in zip(one, keep.bool())] for key, one in of_tokens.items()},
        )

    def _logits(self, rows: Padded, context) -> torch.Tensor:
        model = self.models.language_model
        return model(input_ids=rows.ids, attention_mask=rows.mask, use_cache=False, **{CONTEXT: context}).logits

    def _contrastive(self, batch: Batch) -> Outcome:
        objective = self.job["objective"]
        loss_key, accuracy_key = CONTRASTIVE_KEYS[objective]
        similarity, size = self._similarity(batch), len(batch.labels)
        roles = losses.cell_roles(
            size, batch.labels, batch.group.get("partnersOf", []), partners_are_positive=objective == "decoupledSoftmax"
        ).to(similarity.device)
        if objective == "mannWhitney":
            temperature = self.job["mannWhitneyTemperature"]
            loss = losses.mann_whitney(similarity, roles, temperature)
        else:
            temperature = self.job["infoNceTemperature"]
            loss = losses.decoupled_cross_entropy(similarity, roles, temperature)
        own = similarity[:, :size]
        return Outcome(
            loss=loss,
            metrics={loss_key: loss, accuracy_key: losses.diagonal_accuracy(own.detach())},
            matrices={"similarity": own, "attention": (own / temperature).softmax(-1)},
        )

    def _distillation(self, batch: Batch) -> Outcome:
        job, similarity = self.job, self._similarity(batch)
        wanted = softmax_of_others(batch.teacher["scores"] / job["teacherTemperature"])
        logits = similarity / job["distillationTemperature"]
        divergence = losses.list_divergence(logits, wanted)
        own = torch.arange(len(similarity), device=similarity.device)
        negatives = similarity.masked_fill(batch.teacher["leftOut"].bool(), float("-inf"))
        contrast = F.cross_entropy(negatives / CONTRAST_TEMPERATURE, own)
        weight = job["contrastWeight"]
        return Outcome(
            loss=divergence + weight * contrast if weight > 0 else divergence,
            metrics={"distillationLoss": divergence, "contrastLoss": contrast},
            matrices={"similarity": similarity, "attention": softmax_of_others(logits), "wanted": wanted},
        )


def softmax_of_others(scores: torch.Tensor) -> torch.Tensor:
    """Softmax of each row over all columns but its own: the diagonal is 0."""
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    return scores.masked_fill(own, float("-inf")).softmax(-1)


def predicted(rows: Padded, mask: str) -> torch.Tensor:
    """Which tokens from the second on carry loss [B, L - 1]: all, or those of a row's second half."""
    at = torch.arange(1, rows.ids.shape[1], device=rows.ids.device)[None]
    first = rows.lengths[:, None] // 2 if mask == "secondHalf" else 0
    return ((at < rows.lengths[:, None]) & (at >= first)).float()


def token_losses(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Next-token loss of every token from the second on, in nats [B, L - 1]."""
    return F.cross_entropy(logits[:, :-1].float().transpose(1, 2), ids[:, 1:], reduction="none")


def effective_documents(attention: torch.Tensor) -> torch.Tensor:
    """Mean over the rows of exp(entropy of A_i): how many others each reads."""
    return torch.special.entr(attention.detach()).sum(-1).exp().mean()
