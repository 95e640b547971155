"""settings.json: what the page was set to, and what else a run needs to go on from its step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = "revela handover 1"

#: Settings of the page that shape a step here, and are read from settings.json.
USED = {
    "objective", "infoNceTemperature", "mannWhitneyTemperature", "distillationTemperature", "teacherTemperature",
    "contrastWeight", "attention", "temperature", "vNorm", "contextGate", "learnGate", "pooling", "centring", "dualLoss",
    "lossMask", "detachKeyValues", "firstHalf", "chunkTokens", "learningRate", "warmup", "decaySteps", "beta1", "beta2",
    "weightDecay", "clipNorm", "accumulation", "seed", "checkpointing",
}  # fmt: skip
#: Settings whose whole effect is in the batches, weights and adapters, or in what settings.json says of the models and their layers.
IN_THE_FILES = {
    "source", "documentUnit", "column", "vocabulary", "chunkFit", "batching", "topicClusters", "groupSize", "chunks", "base",
    "trained", "freezeLanguageModel", "freezeRetriever", "contextLayers",
    "checkpoint", "retrieverCheckpoint", "retrieverDepth", "layers", "width", "heads", "kvHeads", "mlpWidth",
    "initialisation", "rank", "alpha", "loraTargets", "loraDropout", "hardNegatives", "hardNegativesPerQuery", "teacher",
}  # fmt: skip
#: Settings of the page's own business: how it looks at a run, keeps it and fits it into a GPU.
OF_THE_PAGE = {
    "precision", "matmulPrecision", "reductions", "memoryBudget", "evaluateEvery", "heldOutBatches", "probeEvery", "collectionEvery", "autosaveEvery",
}  # fmt: skip
#: Settings of objectives that the page does not hand over, or of batches that hang on the models to come.
WITHOUT_EFFECT = {"mineEvery", "replugTemperature", "replugLanguageModelTemperature", "replugLanguageModel"}

CONTRASTIVE = {"infoNce", "inverseCloze", "decoupledSoftmax", "mannWhitney"}
OBJECTIVES = {"revela", "distillation", *CONTRASTIVE}


class JobError(Exception):
    """What is wrong with the files or the arguments, and what to do: for people."""


@dataclass(frozen=True)
class Model:
    """One of the two models. `layers`: how many of the first it runs, without a final norm; None: all, and the norm."""

    base: str
    revision: str | None
    folder: str
    form: str  # 'adapter': a PEFT folder over the base; 'full': the folder is the whole model
    layers: int | None
    learns: bool


@dataclass(frozen=True)
class Rows:
    """How texts become the retriever's rows of tokens."""

    query_prefix: str
    passage_prefix: str
    ending: list[int]
    ends_itself: bool
    counts_prefix: bool
    max_length: int
    first_half: bool


@dataclass(frozen=True)
class Job:
    """A run to go on with: its files lie in `folder`."""

    folder: Path
    title: str
    step: int
    configuration: dict[str, Any]
    retriever: Model
    language_model: Model | None
    rows: Rows
    context_layers: list[int] | None  # of the language model; None: all
    corpus: dict[str, Any]
    steps: int
    is_exact: bool

    def __getitem__(self, setting: str) -> Any:
        return self.configuration[setting]

    @property
    def models(self) -> dict[str, Model]:
        """By the names that files and logs have for them."""
        found = {"retriever": self.retriever, "languageModel": self.language_model}
        return {name: model for name, model in found.items() if model is not None}


def read_job(folder: Path) -> Job:
    """Reads settings.json of an archive. Raises JobError for another format, and for what this runner does not do."""
    path = folder / "settings.json"
    try:
        fields = json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        raise JobError(f"There is no {path}. Name the unpacked archive with --folder.") from None
    except json.JSONDecodeError as error:
        raise JobError(f"{path} is no JSON ({error}). Unpack the archive again.") from None
    if fields.get("format") != FORMAT:
        raise JobError(f'{path} is of format {fields.get("format")!r}; this runner reads {FORMAT!r}.')
    configuration = fields["configuration"]
    refuse(configuration)
    models, rows = fields["models"], fields["rows"]
    return Job(
        folder=folder,
        title=fields["title"],
        step=fields["step"],
        configuration=configuration,
        retriever=Model(**models["retriever"]),
        language_model=Model(**models["languageModel"]) if models["languageModel"] else None,
        rows=Rows(
            query_prefix=rows["prefixes"]["query"],
            passage_prefix=rows["prefixes"]["passage"],
            ending=rows["ending"],
            ends_itself=rows["endsItself"],
            counts_prefix=rows["countsPrefix"],
            max_length=configuration["chunkTokens"],
            first_half=configuration["firstHalf"],
        ),
        context_layers=fields["contextLayers"],
        corpus=fields["corpus"],
        steps=fields["steps"],
        is_exact=fields["exact"],
    )


def refuse(configuration: dict[str, Any]) -> None:
    """Raises JobError for a setting that would be passed over in silence otherwise."""
    unknown = set(configuration) - USED - IN_THE_FILES - OF_THE_PAGE - WITHOUT_EFFECT
    if unknown:
        names = ", ".join(sorted(unknown))
        raise JobError(f"This runner does not know the settings {names}. Use the runner of the archive they came in.")
    objective = configuration["objective"]
    if objective not in OBJECTIVES:
        raise JobError(f"This runner does not train for {objective!r}. It knows {', '.join(sorted(OBJECTIVES))}.")
    if objective in CONTRASTIVE and configuration["hardNegatives"] == "mined":
        raise JobError("Hard negatives that are mined anew as the retriever learns cannot be in a file. Choose others.")
