"""Dropout of the adapters: training does what adapter_config.json says, and the first step is compared without it."""

import json
import shutil

import pytest
import torch

from golden import PARITY, Golden

SOURCE = PARITY / "reference-steps" / "nine-heads"


@pytest.fixture
def golden(tmp_path):
    """A golden step whose retriever drops, as the page hands it over where the language model is frozen."""
    folder = tmp_path / SOURCE.name
    shutil.copytree(SOURCE, folder)
    path = folder / "retriever_adapter" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "lora_dropout": 0.1}))
    return Golden(folder)


def losses(golden, seed=0):
    torch.manual_seed(seed)
    outcome = golden.objective(golden.batches[0])
    return outcome.loss.item(), outcome.metrics["isolatedLoss"].item()


def test_the_check_is_made_without(golden):
    golden.objective.eval()
    expected = golden.expected["loss"], golden.expected["isolatedLoss"]
    assert losses(golden, 0) == losses(golden, 1) == pytest.approx(expected, rel=1e-6)


def test_training_drops_in_the_model_that_learns_alone(golden):
    first, second = losses(golden, 0), losses(golden, 1)
    assert losses(golden, 0) == first
    assert abs(first[0] - second[0]) > 1e-4
    assert first[1] == second[1] == pytest.approx(golden.expected["isolatedLoss"], rel=1e-6)
