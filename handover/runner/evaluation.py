"""Held-out data in BEIR's layout, ranked by the retriever and measured by ir_measures (trec_eval's definitions)."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ir_measures
import torch
from ir_measures import AP, RR, R, nDCG

from .rows import RetrieverRows
from .settings import Job

#: Measures by the page's names.
MEASURES = {"ndcg@10": nDCG @ 10, "mrr@10": RR @ 10, "recall@10": R @ 10, "recall@100": R @ 100, "map": AP}
#: Documents that are ranked for a query, as deep as any measure looks.
DEPTH = 1000
TEXTS_AT_ONCE = 32


@dataclass(frozen=True)
class Collection:
    """Documents and queries, each by its id, and which are relevant: query, document, label."""

    title: str
    documents: dict[str, str]
    queries: dict[str, str]
    qrels: list[ir_measures.Qrel]

    @property
    def description(self) -> dict[str, Any]:
        return {"title": self.title, "documents": len(self.documents), "queries": len(self.queries), "beside": {}}


def read_collection(folder: Path, split: str = "test") -> Collection:
    """corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv. Queries are those that have a judgement."""
    with (folder / "qrels" / f"{split}.tsv").open(encoding="utf8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    qrels = [ir_measures.Qrel(query, document, int(label)) for query, document, label in rows]
    judged = {one.query_id for one in qrels}
    documents = {one["_id"]: f'{one.get("title", "")} {one["text"]}'.strip() for one in _lines(folder / "corpus.jsonl")}
    queries = {one["_id"]: one["text"] for one in _lines(folder / "queries.jsonl") if one["_id"] in judged}
    return Collection(folder.name, documents, queries, qrels)


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf8") as file:
        return [json.loads(line) for line in file]


class Embedder:
    """Vectors of texts by the retriever as it is when it is asked."""

    def __init__(self, job: Job, objective: torch.nn.Module, rows: RetrieverRows, device: torch.device):
        self.job, self.objective, self.rows, self.device = job, objective, rows, device

    def __call__(self, texts: list[str], side: str) -> torch.Tensor:
        """[N, D], at length 1. Queries are read whole: the collection says how much of a text asks."""
        was, found = self.objective.training, []
        self.objective.eval()
        with torch.no_grad():
            for at in range(0, len(texts), TEXTS_AT_ONCE):
                rows = self.rows(texts[at : at + TEXTS_AT_ONCE], side, half=False).to(self.device)
                found.append(self.objective(rows, side).float().cpu())
        self.objective.train(was)
        return torch.cat(found)


def evaluate(collection: Collection, embed: Embedder) -> dict[str, float]:
    """Means over the queries, by the page's names."""
    return measured(collection, rank(collection, embed))


def rank(collection: Collection, embed: Embedder) -> list[ir_measures.ScoredDoc]:
    """For every query the best documents by cosine."""
    ids = list(collection.documents)
    documents = embed(list(collection.documents.values()), "passage")
    queries = embed(list(collection.queries.values()), "query")
    run = []
    for query, scores in zip(collection.queries, queries @ documents.T):
        best = scores.topk(min(DEPTH, len(ids)))
        run += [ir_measures.ScoredDoc(query, ids[at], score) for score, at in zip(best.values.tolist(), best.indices.tolist())]
    return run


def measured(collection: Collection, run: list[ir_measures.ScoredDoc]) -> dict[str, float]:
    means = ir_measures.calc_aggregate(list(MEASURES.values()), collection.qrels, run)
    return {name: float(means[measure]) for name, measure in MEASURES.items()}
