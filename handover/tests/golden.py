"""Golden steps of the playground (tests/parity) as jobs of the runner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from runner import attention
from runner.batches import Batch
from runner.models import Models, with_known_positions
from runner.objectives import Objective
from runner.retriever import SIDES, Retriever, pooled
from runner.rows import Padded, padded
from runner.settings import Job, Model, Rows

PARITY = Path(__file__).parents[2] / "tests" / "parity"
FOLDERS = sorted(path.parent for path in PARITY.glob("*steps/*/options.json"))
DEFAULTS = {
    "objective": "revela", "attention": "learned", "dualLoss": False, "lossMask": "all", "detachKeyValues": False,
    "freezeLanguageModel": False, "freezeRetriever": False, "contextGate": 1.0, "contextLayers": None, "pooling": "eos",
    "retrieverDepth": 0, "centring": False, "learnGate": False, "checkpointing": False, "chunkTokens": 0,
}  # fmt: skip


class Golden:
    """A golden folder: its options and batches, what is expected of it, and the objective that is to meet that."""

    @staticmethod
    def options_of(folder: Path) -> dict[str, Any]:
        return {**DEFAULTS, **json.loads((folder / "options.json").read_text())}

    def __init__(self, folder: Path, **changes: Any):
        self.options = {**self.options_of(folder), **changes}
        self.expected = json.loads((folder / "expected.json").read_text())
        self.tensors = load_file(folder / "expected.safetensors")
        found = json.loads((folder / "batches.json").read_text())
        self.batches = [self._batch(one) for one in found]
        lora = self.options["train"] == "lora"
        retriever = self._load(AutoModel, folder, self.options["retrieverBase"], "retriever_adapter", lora, "freezeRetriever")
        model = self._load(AutoModelForCausalLM, folder, self.options["lmBase"], "lm_adapter", lora, "freezeLanguageModel")
        depth, layers = self.options["retrieverDepth"], retriever.config.num_hidden_layers
        if depth != 0:
            body = retriever.base_model.model if lora else retriever
            body.layers = body.layers[: depth if depth > 0 else layers + depth]
            body.norm = torch.nn.Identity()
        centre = self._centre(retriever) if self.options["centring"] else None
        models = Models(Retriever(retriever, self.options["pooling"], centre), model, None)
        if self.options["checkpointing"]:
            for part in models.parts().values():
                part.gradient_checkpointing_enable({"use_reentrant": False})
        self.objective = Objective(models, self._job()).train()

    def _job(self) -> Job:
        part = lambda learns: Model("", None, "", "adapter", None, learns)  # noqa: E731
        return Job(
            folder=Path(), title="", step=0, configuration=self.options, steps=1, is_exact=True, corpus={},
            retriever=part(not self.options["freezeRetriever"]),
            language_model=part(not self.options["freezeLanguageModel"]),
            rows=Rows("", "", [], False, True, 0, False),
            context_layers=self.options["contextLayers"],
        )  # fmt: skip

    def _load(self, auto_class, folder: Path, base: str, adapter: str, lora: bool, frozen: str):
        config = with_known_positions(AutoConfig.from_pretrained(folder / base))
        model = auto_class.from_pretrained(folder / base, config=config, attn_implementation=attention.NAME, dtype=torch.float32)
        if lora and (folder / adapter).is_dir():
            model = PeftModel.from_pretrained(model, folder / adapter, is_trainable=not self.options[frozen])
        elif lora or self.options[frozen]:
            model.requires_grad_(False)
        return model

    def _batch(self, found: dict[str, Any]) -> Batch:
        sides: list[Padded] = [padded(found[f"{side}Ids"], found.get(f"{side}Content")) for side in SIDES]
        return Batch({"text": []}, *sides, padded(found["lmIds"]))

    def _centre(self, model: torch.nn.Module) -> torch.Tensor:
        """The mean of each side's states over all batches, before the first step."""
        sums = []
        with torch.no_grad():
            for side in ("queries", "passages"):
                rows = [getattr(batch, side) for batch in self.batches]
                states = [pooled(model(input_ids=r.ids, attention_mask=r.mask).last_hidden_state, r, self.options["pooling"]) for r in rows]
                sums.append(torch.cat(states).mean(0))
        return torch.stack(sums)
