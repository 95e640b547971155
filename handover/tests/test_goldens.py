"""The runner against the golden steps: the authors' numbers (tests/parity/steps) and those of the float64 implementation."""

import pytest
import torch

from golden import FOLDERS, Golden
from runner.state import learning

#: Largest deviation of a loss relative to it, of a matrix's entry, and of a gradient relative to its norm: of the authors' steps, and
#: of those that go to extremes (tau 0.008, where the last digit of S is felt).
LOSS, MATRIX, GRADIENT = 1e-6, 3e-6, {"steps": 9e-6, "reference-steps": 3e-5}
#: Gradients that are zero in truth are held against this.
ZERO = 1e-7


def names_of(part: str, name: str) -> str:
    return f"{'retriever' if part == 'retriever' else 'lm'}/{name}"


def deviations(golden: Golden) -> dict[str, float]:
    outcome = golden.objective(golden.batches[0])
    outcome.loss.backward()
    expected = golden.expected
    size = len(expected["similarity"])
    gradients = {}
    for part, name, parameter in learning(golden.objective.models):
        wanted = golden.tensors[f"grad.{names_of(part, name)}"]
        found = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
        if wanted.norm() < ZERO:
            assert found.norm() < ZERO, name
        gradients[part, name] = 0 if wanted.norm() < ZERO else ((found - wanted).norm() / wanted.norm()).item()
    assert len(gradients) == sum(key.startswith("grad.") and "/" in key for key in golden.tensors)
    return {
        "loss": abs(outcome.loss.item() / expected["loss"] - 1),
        "isolated": abs(outcome.metrics["isolatedLoss"].item() / expected["isolatedLoss"] - 1),
        "S": (outcome.matrices["similarity"] - torch.tensor(expected["similarity"]).view(size, -1)).abs().max().item(),
        "A": (outcome.matrices["attention"] - torch.tensor(expected["attention"]).view(size, -1)).abs().max().item(),
        "gradient": max(gradients.values()),
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
@pytest.mark.parametrize("recomputed", [False, True])
def test_step(folder, recomputed):
    found = deviations(Golden(folder, checkpointing=recomputed))
    print(folder.name, {key: f"{value:.1e}" for key, value in found.items()})
    assert max(found["loss"], found["isolated"]) < LOSS
    assert max(found["S"], found["A"]) < MATRIX
    assert found["gradient"] < GRADIENT[folder.parent.name]


CURVES = [folder for folder in FOLDERS if (Golden.options_of(folder)).get("optimizer")]


@pytest.mark.parametrize("folder", CURVES, ids=lambda folder: folder.name)
def test_curve(folder):
    """Update after update with AdamW and clipping: losses, gradient norms and the final weights."""
    golden = Golden(folder)
    how = golden.options["optimizer"]
    learnt = list(learning(golden.objective.models))
    optimiser = torch.optim.AdamW(
        [one for *_, one in learnt], betas=tuple(how["betas"]), eps=how["eps"], weight_decay=how["weightDecay"]
    )
    for step, rate in enumerate(how["learningRates"]):
        for group in optimiser.param_groups:
            group["lr"] = rate
        outcome = golden.objective(golden.batches[step % len(golden.batches)])
        outcome.loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([one for *_, one in learnt], how["clipNorm"])
        assert outcome.loss.item() == pytest.approx(golden.expected["curve"][step], rel=2e-5)
        assert norm.item() == pytest.approx(golden.expected["curveGradNorm"][step], rel=1e-4)
        optimiser.step()
        optimiser.zero_grad()
    for part, name, parameter in learnt:
        wanted = golden.tensors[f"final.{names_of(part, name)}"]
        assert ((parameter - wanted).norm() / wanted.norm()).item() < 5e-5, name


def test_there_are_folders():
    assert len(FOLDERS) >= 26
