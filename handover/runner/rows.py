"""Texts as rows of tokens, token by token as the page makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import torch

from .settings import Rows

#: The first half of a query keeps this share of its tokens.
HALF = 0.5


@dataclass(frozen=True)
class Padded:
    """Rows as a rectangle: ids and mask [B, L], lengths [B], and the span [B, 2] of each row that its text takes."""

    ids: torch.Tensor
    mask: torch.Tensor
    lengths: torch.Tensor
    spans: torch.Tensor

    def to(self, device: torch.device) -> "Padded":
        return Padded(*(part.to(device) for part in (self.ids, self.mask, self.lengths, self.spans)))


def padded(rows: Sequence[Sequence[int]], spans: Sequence[tuple[int, int]] | None = None) -> Padded:
    """Padding is masked, so that any token does."""
    lengths = torch.tensor([len(row) for row in rows])
    longest = int(lengths.max())
    ids = torch.tensor([[*row, *([0] * (longest - len(row)))] for row in rows])
    mask = (torch.arange(longest)[None] < lengths[:, None]).long()
    whole = [(0, len(row)) for row in rows]
    return Padded(ids, mask, lengths, torch.tensor([list(span) for span in (spans or whole)]))


class RetrieverRows:
    """Rows of the retriever: prefix and text, cut, and an end token; of queries the first half where that is asked for."""

    def __init__(self, tokenizer, settings: Rows):
        self.tokenizer, self.settings = tokenizer, settings

    def __call__(self, texts: Sequence[str], side: str, *, half: bool | None = None) -> Padded:
        cut = self.settings.first_half and side == "query" if half is None else half
        made = [self._row(text, side, cut) for text in texts]
        return padded([ids for ids, _ in made], [span for _, span in made])

    def _row(self, text: str, side: str, half: bool) -> tuple[list[int], tuple[int, int]]:
        s = self.settings
        prefix = s.query_prefix if side == "query" else s.passage_prefix
        ids = self.tokenizer(prefix + text, truncation=True, max_length=s.max_length - (0 if s.ends_itself else len(s.ending)))
        ids = ids["input_ids"] if s.ends_itself else [*ids["input_ids"], *s.ending]
        before = self.tokenizer(prefix)["input_ids"]
        if s.ends_itself:
            before = before[: len(before) - len(s.ending)]
        # A token that holds the prefix's last space and the first word belongs to the text.
        first = next((i for i, (one, other) in enumerate(zip(before, ids)) if one != other), len(before))
        body = len(ids) - len(s.ending)
        if half:
            whole = 0 if s.counts_prefix else first
            body = whole + max(0, int((body - whole) * HALF))
            ids = [*ids[:body], *s.ending]
        return ids, (first, body) if first < body else (len(ids) - 1, len(ids))


def language_model_rows(tokenizer, texts: Sequence[str], max_length: int) -> Padded:
    """Rows of the language model: the texts alone, a token shorter than the retriever's may be."""
    return padded([tokenizer(text, truncation=True, max_length=max_length - 1)["input_ids"] for text in texts])
