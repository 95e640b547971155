"""The step that `npm run bench -- gpu` measures, in stock PyTorch, transformers and PEFT, by the modules of handover/runner: the same settings,
shapes and rows of tokens, weights drawn anew. Started by torchStep.ts, with handover/ on PYTHONPATH.

The first line of standard input says what the step is, each line after it how many steps to make; each is answered by one line.
"""

from __future__ import annotations

import json
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from runner import attention
from runner.batches import Batch
from runner.models import Models
from runner.objectives import Objective
from runner.retriever import Retriever
from runner.rows import padded
from runner.settings import Job, Model, Rows
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def job_of(work: dict) -> Job:
    """As settings.json would say it."""
    configuration = work["configuration"]
    model = Model(base="", revision=None, folder="", form="adapter", layers=work["retrieverLayers"], learns=True)
    # The rows come as tokens, so that how texts would become some is never asked for.
    rows = Rows("", "", [], True, False, configuration["chunkTokens"], configuration["firstHalf"])
    return Job(
        folder=None, title="", step=0, configuration=configuration, retriever=model, language_model=model, rows=rows,
        context_layers=work["contextLayers"], corpus={}, steps=0, is_exact=False,
    )  # fmt: skip


def models_of(work: dict, job: Job, dtype: torch.dtype) -> Models:
    def adapted(auto_class):
        config = AutoConfig.for_model(**work["checkpoint"])
        base = auto_class.from_config(config, attn_implementation=attention.NAME, dtype=dtype)
        if auto_class is AutoModel and job.retriever.layers is not None:
            base.layers, base.norm = base.layers[: job.retriever.layers], torch.nn.Identity()
        adapter = LoraConfig(
            r=job["rank"], lora_alpha=job["alpha"], lora_dropout=job["loraDropout"], target_modules=work["targets"], bias="none"
        )
        model = get_peft_model(base, adapter)
        if job["checkpointing"]:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        return model

    retriever, language_model = adapted(AutoModel), adapted(AutoModelForCausalLM)
    if job["freezeLanguageModel"]:
        language_model.requires_grad_(False)
    centre = torch.zeros(2, work["checkpoint"]["hidden_size"]) if job["centring"] else None
    return Models(Retriever(retriever, job["pooling"], centre), language_model, None)


def answer(told: dict) -> None:
    print(json.dumps(told), flush=True)


def main() -> None:
    work = json.loads(sys.stdin.readline())
    torch.manual_seed(1)
    # What this engine computes: float32, not TF32.
    torch.set_float32_matmul_precision("highest")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    job = job_of(work)
    objective = Objective(models_of(work, job, DTYPES[work["dtype"]]), job).to(device).train()
    learning = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(
        learning, lr=job["learningRate"], betas=(job["beta1"], job["beta2"]), eps=1e-8, weight_decay=job["weightDecay"]
    )
    rows = work["rows"]
    batch = Batch(
        {"text": rows["lmIds"]},
        padded(rows["queryIds"], rows["queryContent"]),
        padded(rows["passageIds"], rows["passageContent"]),
        padded(rows["lmIds"]),
    ).to(device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    answer({"device": name, "torch": torch.__version__, "parameters": sum(parameter.numel() for parameter in learning)})
    for line in sys.stdin:
        times, loss = [], float("nan")
        for _ in range(int(line)):
            began = time.perf_counter()
            outcome = objective(batch)
            outcome.loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, job["clipNorm"] or float("inf"))
            optimiser.step()
            optimiser.zero_grad()
            # Reading it waits for the device.
            loss = float(outcome.loss.detach())
            times.append(1000 * (time.perf_counter() - began))
        peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
        answer({"times": times, "loss": loss, "peakBytes": peak})


main()
