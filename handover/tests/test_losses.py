"""Losses on similarities against loops over their definitions, in float64."""

import math

import pytest
import torch

from runner import losses
from runner.telling import recall_at_1

LABELS = [0, 1, 0, 2, 1]
PARTNERS_OF = [[0, 2], []]
S = torch.rand(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_roles():
    roles = losses.cell_roles(5, LABELS, PARTNERS_OF, partners_are_positive=True)
    assert roles[0].tolist() == [2, 1, 2, 1, 1, 0, 1]
    assert losses.cell_roles(5, LABELS, PARTNERS_OF, False)[0].tolist() == [2, 1, 1, 1, 1, 0, 1]


@pytest.mark.parametrize("positive", [False, True])
def test_decoupled_cross_entropy(positive):
    roles, t = losses.cell_roles(5, LABELS, PARTNERS_OF, positive), 0.2
    terms = []
    for row, of in zip(S.tolist(), roles.tolist()):
        against = sum(math.exp(s / t) for s, role in zip(row, of) if role == losses.NEGATIVE)
        terms += [-math.log(math.exp(s / t) / (math.exp(s / t) + against)) for s, role in zip(row, of) if role == losses.POSITIVE]
    assert losses.decoupled_cross_entropy(S, roles, t).item() == pytest.approx(sum(terms) / len(terms), rel=1e-12)


def test_mann_whitney():
    roles, t = losses.cell_roles(5, LABELS, PARTNERS_OF, False), 0.3
    cells = [(s, role) for row, of in zip(S.tolist(), roles.tolist()) for s, role in zip(row, of)]
    pairs = [(p, n) for p, a in cells for n, b in cells if a == losses.POSITIVE and b == losses.NEGATIVE]
    expected = sum(math.log(1 + math.exp((n - p) / t)) for p, n in pairs) / len(pairs)
    assert losses.mann_whitney(S, roles, t).item() == pytest.approx(expected, rel=1e-12)


def test_list_divergence_and_its_gradient():
    logits = S[:, :5].clone().requires_grad_()
    own = torch.eye(5, dtype=torch.bool)
    wanted = S[:, 1:6].masked_fill(own, -torch.inf).softmax(-1)
    expected = 0.0
    for i in range(5):
        sum_q = sum(math.exp(logits[i, j]) for j in range(5) if j != i)
        for j in range(5):
            if j != i:
                expected += wanted[i, j].item() * math.log(wanted[i, j].item() / (math.exp(logits[i, j]) / sum_q)) / 5
    loss = losses.list_divergence(logits, wanted)
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    shares = logits.detach().masked_fill(own, -torch.inf).softmax(-1)
    assert torch.allclose(logits.grad, (shares - wanted) / 5, atol=1e-15)


def test_recall_shares_ties_and_leaves_out_rows_without_partner():
    similarity = torch.tensor([[9.0, 1, 1, 0], [0, 9, 1, 2], [1, 0, 9, 0], [0, 0, 0, 9]])
    # Row 0: 1 and 2 tie, one of them its partner; row 1 finds 3, which is none of its own; row 2 finds its partner; row 3 has none.
    assert recall_at_1(similarity, [0, 1, 0, 2]) == {"recallAt1": pytest.approx(0.75), "chance": pytest.approx(1 / 3)}
    assert recall_at_1(similarity, [0, 1, 2, 3]) == {}
    assert losses.diagonal_accuracy(similarity).item() == 1
