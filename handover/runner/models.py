"""The two models of a run: their bases, adapters and gates, and which of their numbers learn."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

from . import attention
from .retriever import SIDES, Retriever
from .settings import Job, JobError, Model

GATES = "gates.json"


class Models(torch.nn.Module):
    """What a run trains. Undefined parts are None: `language_model` where the objective needs none, `gates` [layers] where they are
    fixed."""

    def __init__(self, retriever: Retriever, language_model: torch.nn.Module | None, gates: torch.nn.Parameter | None):
        super().__init__()
        self.retriever, self.language_model, self.gates = retriever, language_model, gates

    def parts(self) -> dict[str, torch.nn.Module]:
        """The models under their names in files and logs."""
        found = {"retriever": self.retriever.model, "languageModel": self.language_model}
        return {name: part for name, part in found.items() if part is not None}


def base_of(model: Model, folder: Path, given: str | None) -> tuple[str, str | None]:
    """Where a base lies: as given on the command line, in the archive, or on the hub (with its revision)."""
    if given is not None:
        return given, None
    if model.base.startswith("."):
        return os.path.normpath(folder / model.folder / model.base), None
    return model.base, model.revision


def load_models(job: Job, start: Path, bases: dict[str, str | None], dtype: torch.dtype) -> Models:
    """Models as they were handed over, or as `start` keeps them. `bases`: folders or ids in place of those that settings.json names.

    Raises JobError where a base is not found or is not the one that was trained on.
    """
    retriever = _load(job, start, "retriever", AutoModel, bases, dtype)
    language_model = _load(job, start, "languageModel", AutoModelForCausalLM, bases, dtype) if job.language_model else None
    if job["checkpointing"]:
        for model in (retriever, language_model):
            if model is not None:
                model.gradient_checkpointing_enable({"use_reentrant": False})
    gates = None
    if language_model is not None and job["learnGate"]:
        gates = torch.nn.Parameter(torch.tensor(read_gates(start), dtype=torch.float32))
    centre = read_centre(start / job.retriever.folder) if job["centring"] else None
    return Models(Retriever(retriever, job["pooling"], centre), language_model, gates)


def tokenizer_of(job: Job, name: str, bases: dict[str, str | None]):
    """The tokenizer of a model, which lies with its base."""
    model = job.models[name]
    if model.form == "full":
        return AutoTokenizer.from_pretrained(job.folder / model.folder)
    base, revision = base_of(model, job.folder, bases.get(name))
    return AutoTokenizer.from_pretrained(base, revision=revision)


def _load(job: Job, start: Path, name: str, auto_class, bases, dtype: torch.dtype) -> torch.nn.Module:
    model = job.models[name]
    kept = start / model.folder if (start / model.folder).is_dir() else job.folder / model.folder
    where, revision = (str(kept), None) if model.form == "full" else base_of(model, job.folder, bases.get(name))
    try:
        config = with_known_positions(AutoConfig.from_pretrained(where, revision=revision))
        found = auto_class.from_pretrained(
            where, revision=revision, config=config, attn_implementation=attention.NAME, dtype=dtype
        )
    except OSError as error:
        raise JobError(
            f"The base {where} of the {name} cannot be loaded: {error}\n"
            "Name the folder or hub id where it lies with --base, or --retriever where the retriever has another."
        ) from error
    if model.layers is not None:
        # The first layers alone, and no final norm over them.
        found.layers = found.layers[: model.layers]
        found.norm = torch.nn.Identity()
    if model.form == "adapter" and (kept / "adapter_config.json").exists():
        found = PeftModel.from_pretrained(found, kept, is_trainable=model.learns)
    elif not model.learns:
        found.requires_grad_(False)
    elif model.form == "adapter":
        raise JobError(f"There is no adapter in {kept}. Unpack the archive again.")
    return found


def with_known_positions(config):
    """transformers 5 writes rotary positions as rope_parameters, which version 4 would pass over in silence."""
    parameters = getattr(config, "rope_parameters", None)
    if parameters and hasattr(config, "rope_theta"):
        config.rope_theta = parameters["rope_theta"]
        if parameters.get("rope_type", "default") != "default":
            config.rope_scaling = {key: value for key, value in parameters.items() if key != "rope_theta"}
    return config


def read_gates(folder: Path) -> list[float]:
    """The learnt factor of each layer."""
    return json.loads((folder / GATES).read_text())["contextGates"]


def read_centre(folder: Path) -> torch.Tensor:
    """[2, D]: what queries and passages are less by."""
    found = load_file(folder / "centre.safetensors")
    return torch.stack([found[side] for side in SIDES])
