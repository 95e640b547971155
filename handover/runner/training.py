"""Training: update after update from where the run stands."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import Accelerator, DistributedType
from accelerate.utils import set_seed

from . import evaluation, first_step, state
from .batches import Collator, lines_from
from .log import Log
from .models import load_models, tokenizer_of
from .objectives import Objective
from .schedule import learning_rate
from .settings import Job, JobError
from .telling import snapshot, step_metrics

#: Pictures that a log holds at most beside the first and the last: as many as are worth travelling through.
PICTURES = 100


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    out: Path
    steps: int
    groups: Path
    bases: dict[str, str | None]
    dtype: torch.dtype
    resume: bool
    check: bool
    save_every: int
    evaluate_every: int
    batches_per_update: int | None


def train(job: Job, options: Options) -> None:
    """Makes `options.steps` updates from the job's step on, or what is left of them. Raises JobError."""
    last = options.out / "last"
    saved = state.saved_step(last)
    if saved is not None and not options.resume:
        raise JobError(f"{last} holds a run of {saved} steps. Go on with --resume, or name another folder with --out.")
    start, step = (last, saved) if saved is not None else (job.folder, job.step)
    end = job.step + options.steps
    if step >= end:
        raise JobError(f"The run has made {step} steps, up to which it was to go. Ask for more with --steps.")
    models = load_models(job, start, options.bases, options.dtype)
    objective = Objective(models, job)
    accelerator = accelerator_for(models, job)
    # Dropout draws by it: each process other masks, and a run that goes on others than those of its beginning.
    set_seed(job["seed"] + step, device_specific=True)
    per_update = options.batches_per_update or job["accumulation"]
    local = batches_each(per_update, accelerator.num_processes)
    accelerator.gradient_accumulation_steps = local
    tokenizer = tokenizer_of(job, "retriever", options.bases)
    words = tokenizer_of(job, "languageModel", options.bases) if job.language_model else tokenizer
    collate = Collator(job, tokenizer, words)
    device = accelerator.device

    def say(text: str) -> None:
        if accelerator.is_main_process:
            print(text, flush=True)

    if options.check and start == job.folder:
        objective.to(device).eval()
        path = job.folder / "first-step.json"
        say(first_step.report(first_step.first_step(job, path, objective, collate, device, options.dtype), job.is_exact))
    objective.train()
    optimiser = torch.optim.AdamW(
        [parameter for _, _, parameter in state.learning(models)],
        lr=job["learningRate"], betas=(job["beta1"], job["beta2"]), eps=1e-8, weight_decay=job["weightDecay"],
    )  # fmt: skip
    wrapped, prepared = accelerator.prepare(objective, optimiser)
    by_deepspeed = accelerator.distributed_type == DistributedType.DEEPSPEED
    if by_deepspeed:
        say("note: under DeepSpeed AdamW's moments begin anew; the first updates differ from those the page would make.")
    else:
        state.restore_moments(start, models, prepared.optimizer, step)
    log = None
    if accelerator.is_main_process:
        log = Log(options.out / "log.jsonl", log_head(job, accelerator), step)
    embed = evaluation.Embedder(job, wrapped, collate.rows, device)
    held_out = evaluation.read_collection(job.folder / "heldout") if (job.folder / "heldout").is_dir() else None

    def score(at: int) -> None:
        if held_out is None:
            return
        means = evaluation.evaluate(held_out, embed)
        if log:
            log.write("scores", {"step": at, "means": means, "of": held_out.description})
        say(f"step {at}: " + ", ".join(f"{name} {value:.4f}" for name, value in means.items()))

    if step == job.step:
        score(step)
    position = (step - job.step) * per_update + accelerator.process_index
    lines = lines_from(options.groups, position, accelerator.num_processes)
    picture_every = max(1, options.steps // PICTURES)
    while step < end:
        began, tokens = time.perf_counter(), 0
        rate = learning_rate(step + 1, job["learningRate"], job["warmup"], job["decaySteps"])
        for group in prepared.param_groups:
            group["lr"] = rate
        for _ in range(local):
            batch = collate(next(lines)).to(device)
            with accelerator.accumulate(wrapped):
                outcome = wrapped(batch)
                accelerator.backward(outcome.loss)
                tokens += batch.tokens
                if accelerator.sync_gradients:
                    # DeepSpeed keeps gradients to itself: it has made the update by now.
                    norms = {} if by_deepspeed else gradient_norms(models)
                    # Its return value is the norm before clipping; without a limit it only measures.
                    norm = accelerator.clip_grad_norm_(wrapped.parameters(), job["clipNorm"] or float("inf"))
                prepared.step()
                prepared.zero_grad()
        step += 1
        more = {"step": step, **norms, "learningRate": rate}
        if norm is not None:
            more["gradientNorm"] = float(norm)
        told = told_by_last(accelerator, step_metrics(outcome, batch, more))
        if not all(map(torch.isfinite, map(torch.tensor, (told["loss"], told.get("gradientNorm", 0.0))))):
            raise JobError(
                f"Training has diverged at step {step}: the loss or its gradient is no number. What was saved last is in {last}. "
                "Lower learningRate in settings.json, or raise temperature."
            )
        seconds = time.perf_counter() - began
        told |= {"stepMs": 1000 * seconds, "tokensPerSecond": tokens * accelerator.num_processes / seconds}
        is_last = step == end
        drawn = is_last or step == job.step + 1 or step % picture_every == 0
        picture = told_by_last(accelerator, snapshot(outcome, batch, told, words)) if drawn else None
        if log:
            log.write("step", told)
            if picture:
                log.write("snapshot", {**picture, "metrics": told})
        say(f"step {step}: loss {told['loss']:.4f}, gradient {told.get('gradientNorm', float('nan')):.3g}, {seconds:.2f} s")
        if is_last or (options.evaluate_every and step % options.evaluate_every == 0):
            score(step)
        if is_last or step % options.save_every == 0:
            save(accelerator, wrapped, last, job, models, prepared, step)
    say(f"Done. {last} holds the adapters, to be dropped on the page under Take home; {options.out / 'log.jsonl'} the curves, for Runs.")


def batches_each(per_update: int, processes: int) -> int:
    """Batches that each process takes of an update. Raises JobError where they do not come out even."""
    if per_update % processes == 0:
        return per_update // processes
    raise JobError(
        f"An update takes {per_update} {'batch' if per_update == 1 else 'batches'}, which {processes} processes cannot share evenly. "
        f"Use another number of processes, or say --batches-per-update {processes * max(1, round(per_update / processes))}: "
        "then it is another run than the page's."
    )


def accelerator_for(models, job: Job) -> Accelerator:
    """The accelerator that `accelerate launch` asked for, told where these models can be split."""
    layers = {name for part in models.parts().values() for name in (getattr(part, "_no_split_modules", None) or [])}
    os.environ.setdefault("FSDP_TRANSFORMER_CLS_TO_WRAP", ",".join(sorted(layers)))
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    for asked, kind in (("FSDP", DistributedType.FSDP), ("DEEPSPEED", DistributedType.DEEPSPEED)):
        if os.environ.get(f"ACCELERATE_USE_{asked}") == "true" and accelerator.distributed_type != kind:
            raise JobError("accelerate splits models over GPUs alone, and there is none here. Processes on CPU take ddp.")
    plugin = accelerator.state.deepspeed_plugin
    if plugin is not None:
        plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = 1
        plugin.deepspeed_config["gradient_clipping"] = job["clipNorm"]
    return accelerator


def gradient_norms(models) -> dict[str, float]:
    """Norm of each model's gradient before clipping, by the page's names; 0 of a model that does not learn."""
    squares = dict.fromkeys(("retriever", "languageModel", "gates"), 0.0)
    for part, _, parameter in state.learning(models):
        if parameter.grad is not None:
            squares[part] += float(state.whole(parameter.grad).float().square().sum())
    return {f"{part}GradientNorm": squares[part] ** 0.5 for part in ("retriever", "languageModel")}


def told_by_last(accelerator: Accelerator, told: dict[str, Any]) -> dict[str, Any]:
    """What the last process tells: its batch is the last of the update."""
    if accelerator.num_processes == 1:
        return told
    box = [told]
    torch.distributed.broadcast_object_list(box, src=accelerator.num_processes - 1)
    return box[0]


def save(accelerator: Accelerator, wrapped, folder: Path, job: Job, models, optimiser, step: int) -> None:
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        import deepspeed

        parameters = [parameter for _, _, parameter in state.learning(models)]
        with deepspeed.zero.GatheredParameters(parameters):
            state.save(folder, job, models, torch.optim.AdamW(parameters), step, accelerator.is_main_process)
    else:
        state.save(folder, job, models, optimiser.optimizer, step, accelerator.is_main_process)
    accelerator.wait_for_everyone()


def log_head(job: Job, accelerator: Accelerator) -> dict[str, Any]:
    """What the page shows of a run besides its numbers."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    count = f"{accelerator.num_processes} × " if accelerator.num_processes > 1 else ""
    split = f" by {accelerator.distributed_type.value}" if accelerator.num_processes > 1 else ""
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    return {
        "name": f"{job.title}, handed over",
        "configuration": job.configuration,
        "corpus": job.corpus,
        "adapter": f"{count}{device}{split}, {versions}",
    }
