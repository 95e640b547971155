"""groups.jsonl: a batch a line. A list of texts or {"text": [...]} is what the authors' trainer reads; beside "text" the page
writes what it knows besides, which that trainer passes over."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import torch

from .rows import Padded, RetrieverRows, language_model_rows, padded
from .settings import CONTRASTIVE, Job, JobError


@dataclass(frozen=True)
class Batch:
    """A batch on its way to the models. `attention` [B, B]: of a control, in place of the retriever's."""

    group: dict[str, Any]
    queries: Padded
    passages: Padded
    texts: Padded | None
    attention: torch.Tensor | None = None
    teacher: dict[str, torch.Tensor] | None = None

    @property
    def labels(self) -> list[int]:
        """Equal labels are of one document; where nobody says, each text is one of its own."""
        return self.group.get("labels") or list(range(len(self.group["text"])))

    def to(self, device: torch.device) -> "Batch":
        move = lambda part: None if part is None else part.to(device)  # noqa: E731
        teacher = self.teacher and {name: part.to(device) for name, part in self.teacher.items()}
        return Batch(self.group, move(self.queries), move(self.passages), move(self.texts), move(self.attention), teacher)

    @property
    def tokens(self) -> int:
        """Tokens as the page counts them: the language model's, or the retriever's where it works alone."""
        counted = [self.texts] if self.texts is not None else [self.queries, self.passages]
        return sum(int(rows.lengths.sum()) for rows in counted)


class Collator:
    """Makes batches of the lines of groups.jsonl."""

    def __init__(self, job: Job, retriever_tokenizer, language_model_tokenizer):
        self.job, self.language_model_tokenizer = job, language_model_tokenizer
        self.rows = RetrieverRows(retriever_tokenizer, job.rows)

    def __call__(self, line: Any) -> Batch:
        """Raises JobError for a line that holds no batch of this objective."""
        group = {"text": line} if isinstance(line, list) else line
        texts = group.get("text") if isinstance(group, dict) else None
        if not isinstance(texts, list) or len(texts) < 2 or not all(isinstance(text, str) for text in texts):
            raise JobError('A batch should be a list of two texts or more, or an object with one called "text".')
        objective = self.job["objective"]
        if objective in CONTRASTIVE:
            return self._views(group)
        if objective == "distillation":
            return self._with_teacher(group)
        if self.job["attention"] != "learned" and "attention" not in group:
            raise JobError(
                f'The run reads by the control {self.job["attention"]!r}, so every batch needs its "attention". '
                "Let the page write the batches."
            )
        return Batch(
            group,
            self.rows(texts, "query"),
            self.rows(texts, "passage"),
            language_model_rows(self.language_model_tokenizer, texts, self.job["chunkTokens"]),
            attention=square(group["attention"], len(texts)) if "attention" in group else None,
        )

    def _views(self, group: dict[str, Any]) -> Batch:
        """Crops or sentences of the texts, as the page has drawn them."""
        if "rows" not in group:
            raise JobError('The objective compares views of texts, so every batch needs its "rows". Let the page write the batches.')
        rows = group["rows"]
        queries, passages = (padded(rows[f"{side}Ids"], rows.get(f"{side}Content")) for side in ("query", "passage"))
        return Batch(group, queries, passages, None)

    def _with_teacher(self, group: dict[str, Any]) -> Batch:
        if "teacher" not in group:
            raise JobError('The objective has a teacher, so every batch needs its "teacher". Let the page write the batches.')
        texts = group["text"]
        teacher = {key: square(group["teacher"][key], len(texts)) for key in ("scores", "leftOut")}
        return Batch(group, self.rows(texts, "query"), self.rows(texts, "passage"), None, teacher=teacher)


def square(values: list[float], size: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(size, size)


def lines_from(path: Path, position: int, every: int = 1) -> Iterator[Any]:
    """The lines at `position`, `position + every` and so on, in a file that begins again after its end. One line is held at a time.

    Raises JobError for a file without lines, and for one that is no JSON.
    """
    wanted, begin = position, 0
    while True:
        count = 0
        with path.open(encoding="utf8") as file:
            for count, line in enumerate(file, 1):
                if begin + count - 1 != wanted:
                    continue
                wanted += every
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    raise JobError(f"{path}, line {count}, is no JSON: {error}") from None
        if count == 0:
            raise JobError(f"{path} holds no batches.")
        begin += count
