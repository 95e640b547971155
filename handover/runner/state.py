"""What a run is between two steps: adapters (or whole models), gates, AdamW's moments, the step. The page hands runs over in the
same files that are written here, so going on from either is the same thing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Iterator

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from .models import GATES, Models
from .settings import Job, JobError

OPTIMISER, PROGRESS = "optimiser.safetensors", "progress.json"
#: torch's names of AdamW's moments, by those in the file.
MOMENTS = {"m": "exp_avg", "v": "exp_avg_sq"}


def learning(models: Models) -> Iterator[tuple[str, str, torch.nn.Parameter]]:
    """What learns: the part it is of, its name there as in the files of PEFT and transformers, and itself."""
    for part, module in models.parts().items():
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                yield part, name.replace(".default.", "."), parameter
    if models.gates is not None:
        yield "gates", "contextGates", models.gates


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a tensor, where processes hold a piece each; all of them have to ask."""
    return (tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor).detach()


def like(values: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """Values as they lie with a parameter: on its device, and split as it is."""
    values = values.to(parameter.device, torch.float32)
    if not hasattr(parameter, "full_tensor"):
        return values
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(values, parameter.device_mesh, parameter.placements)


def restore_moments(folder: Path, models: Models, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Puts AdamW's moments back. Raises JobError where they are of another model."""
    path = folder / OPTIMISER
    if step == 0:
        return
    if not path.exists():
        raise JobError(f"There is no {path}, from which a run of {step} steps goes on. Unpack the archive again.")
    with safe_open(path, "pt") as file:
        known = set(file.keys())
        for part, name, parameter in learning(models):
            moments = {}
            for short, long in MOMENTS.items():
                key = f"{part}/{name}/{short}"
                if key not in known or tuple(file.get_slice(key).get_shape()) != tuple(parameter.shape):
                    raise JobError(f"{path} has no {key} of shape {list(parameter.shape)}: it is of another model.")
                moments[long] = like(file.get_tensor(key), parameter)
            optimiser.state[parameter] = {"step": torch.tensor(float(step)), **moments}


def save(folder: Path, job: Job, models: Models, optimiser: torch.optim.Optimizer, step: int, is_main: bool) -> None:
    """Writes the state as a folder, which takes the old one's place once it is whole. All processes have to call it."""
    learnt = [(part, name, whole(parameter).cpu(), optimiser.state.get(parameter, {})) for part, name, parameter in learning(models)]
    moments = {
        f"{part}/{name}/{short}": whole(state[long]).cpu().contiguous()
        for part, name, _, state in learnt
        for short, long in MOMENTS.items()
        if long in state
    }
    if not is_main:
        return
    fresh, old = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for part, module in models.parts().items():
        values = {name: value.contiguous() for of, name, value, _ in learnt if of == part}
        if values:
            _save_model(fresh / job.models[part].folder, job.folder / job.models[part].folder, module, values)
    if models.gates is not None:
        gates = next(value for part, _, value, _ in learnt if part == "gates")
        (fresh / GATES).write_text(json.dumps({"contextGates": gates.tolist()}))
    save_file(moments, fresh / OPTIMISER)
    (fresh / PROGRESS).write_text(json.dumps({"step": step}))
    (fresh / "configuration.json").write_text(json.dumps(job.configuration, indent=2))
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _save_model(folder: Path, handed_over: Path, module: torch.nn.Module, values: dict[str, torch.Tensor]) -> None:
    """A PEFT folder, or a whole model with its tokenizer; with what the page put beside a retriever's weights."""
    folder.mkdir()
    weights = {"adapter_model.safetensors", "model.safetensors"}
    for file in handed_over.iterdir() if handed_over.is_dir() else []:
        if file.name not in weights:
            shutil.copy(file, folder / file.name)
    name = "adapter_model.safetensors" if hasattr(module, "peft_config") else "model.safetensors"
    save_file(values, folder / name, metadata={"format": "pt"})


def saved_step(folder: Path) -> int | None:
    """The step of a state that was written here; None where there is none."""
    path = folder / PROGRESS
    return json.loads(path.read_text())["step"] if path.exists() else None
