"""Both models split over two processes on CPU by FSDP2 (torch's fully_shard, as accelerate calls it on GPUs; on CPU accelerate itself
splits nothing): the first updates of a job, with the moments that it brings, are those of the page.

    torchrun --nproc_per_node 2 handover/tests/sharded.py FOLDER   (of round_trip.py)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard

sys.path.insert(0, str(Path(__file__).parents[1]))
from runner import state  # noqa: E402
from runner.batches import Collator, lines_from  # noqa: E402
from runner.models import load_models, tokenizer_of  # noqa: E402
from runner.objectives import Objective  # noqa: E402
from runner.schedule import learning_rate  # noqa: E402
from runner.settings import read_job  # noqa: E402
from runner.training import gradient_norms  # noqa: E402

TOLERANCE = 1e-4


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    rank, processes = dist.get_rank(), dist.get_world_size()
    found = json.loads((folder / "steps.json").read_text())
    page = {one["step"]: one for one in found["page"]}
    job = read_job(folder / "job")
    bases = dict.fromkeys(("retriever", "languageModel"), str(folder / "checkpoint"))
    models = load_models(job, job.folder, bases, torch.float32)
    objective = Objective(models, job).train()
    mesh = dist.device_mesh.init_device_mesh("cpu", (processes,))
    for module in list(objective.modules()):
        if type(module).__name__.endswith("DecoderLayer"):
            fully_shard(module, mesh=mesh)
    fully_shard(objective, mesh=mesh)
    optimiser = torch.optim.AdamW(
        [parameter for *_, parameter in state.learning(models)],
        betas=(job["beta1"], job["beta2"]), eps=1e-8, weight_decay=job["weightDecay"],
    )  # fmt: skip
    state.restore_moments(job.folder, models, optimiser, job.step)
    collate = Collator(job, tokenizer_of(job, "retriever", bases), tokenizer_of(job, "languageModel", bases))
    lines = lines_from(job.folder / "groups.jsonl", rank, processes)
    worst = 0.0
    for step in range(job.step + 1, job.step + found["more"] + 1):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, job["learningRate"], job["warmup"], job["decaySteps"])
        outcome = objective(collate(next(lines)))
        outcome.loss.backward()
        norms = gradient_norms(models)
        torch.nn.utils.clip_grad_norm_(objective.parameters(), job["clipNorm"])
        optimiser.step()
        optimiser.zero_grad()
        if rank == processes - 1:
            told = {"loss": outcome.loss.item(), **norms}
            worst = max([worst, *(abs(value - page[step][key]) for key, value in told.items())])
    state.save(folder / "sharded", job, models, optimiser, step, rank == 0)
    if rank == processes - 1:
        print(f"FSDP2, {processes} processes on CPU: {found['more']} steps, losses and gradient norms within {worst:.1e} of the page's")
        assert worst < TOLERANCE
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
