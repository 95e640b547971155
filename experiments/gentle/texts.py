"""Documents → chunks → batches, and the lines to beat. A chunk is a list of token ids; a document a list of chunks."""

import collections
import json
import math
import random
import re

import torch

SHORTEST = 12  # tokens; half of a shorter query row would hold little but its prefix


def chunks(text, encode, most):
    """Whole sentences where they fit, at most `most` tokens."""
    out, current = [], []
    for sentence in re.split(r'(?<=[.!?]) ', text):
        ids = encode((' ' if current else '') + sentence)
        if current and len(current) + len(ids) > most:
            out.append(current[:most])
            current = []
        current = current + ids
    if len(current) > 20:
        out.append(current[:most])
    return [chunk for chunk in out if len(chunk) >= SHORTEST]


def documents(file, encode, most):
    """One JSON string a line; documents with fewer than two chunks are left out."""
    with open(file) as lines:
        found = [chunks(json.loads(line), encode, most) for line in lines]
    return [document for document in found if len(document) >= 2]


def draw(documents_, randoms, size):
    """size / 2 documents × 2 chunks, shuffled: the chunks and their documents."""
    rows = [
        (chunk, label)
        for label, document in enumerate(randoms.sample(documents_, size // 2))
        for chunk in randoms.sample(document, 2)
    ]
    randoms.shuffle(rows)
    return [chunk for chunk, _ in rows], [label for _, label in rows]


def held_out_batches(held_out, chunks_each, rounds, size=8):
    """
    Each round deals every held-out document out once, in batches of size / 2 documents × 2 of its chosen chunks.
    Returns batches of (document, chunk), so that an embedding can be used in all of them.
    """
    randoms = random.Random(99)
    names = list(range(len(held_out)))
    chosen = {d: sorted(randoms.sample(range(len(held_out[d])), min(chunks_each, len(held_out[d])))) for d in names}
    batches = []
    for _ in range(rounds):
        order = names[:]
        randoms.shuffle(order)
        for start in range(0, len(order) - size // 2 + 1, size // 2):
            batch = [(d, c) for d in order[start : start + size // 2] for c in randoms.sample(chosen[d], 2)]
            randoms.shuffle(batch)
            batches.append(batch)
    return batches


def hits(similarity, labels):
    """Per row: 1 if the nearest other row is of the same document, ties shared."""
    s = similarity.clone().fill_diagonal_(-9)
    nearest = (s == s.max(1, keepdim=True).values).float()
    label = torch.tensor(labels)
    same = (label[:, None] == label).float().fill_diagonal_(0)
    return (nearest * same).sum(1) / nearest.sum(1)


def by_document(batches, rows):
    """Mean score of each document over all batches it is in: what the standard error is taken over."""
    total, count = collections.Counter(), collections.Counter()
    for batch, scores in zip(batches, rows):
        for (document, _), score in zip(batch, scores.tolist()):
            total[document] += score
            count[document] += 1
    return torch.tensor([total[d] / count[d] for d in sorted(count)])


def mean_and_error(values):
    return values.mean().item(), (values.std() / len(values) ** 0.5).item()


def tfidf_scores(all_documents, held_out, batches, part, decode):
    """TF-IDF as docs/METHOD.md has it ("Measures"); part: chunk → the part of it that the query sees."""
    terms = lambda ids: re.findall(r'[^\W_]+', decode(ids).lower())
    seen, count = collections.Counter(), 0
    for document in all_documents:
        for chunk in document:
            seen.update(set(terms(chunk)))
            count += 1

    def vector(ids):
        v = {w: f * (math.log((1 + count) / (1 + seen[w])) + 1) for w, f in collections.Counter(terms(ids)).items()}
        norm = math.sqrt(sum(x * x for x in v.values())) or 1
        return {w: x / norm for w, x in v.items()}

    keys = {key for batch in batches for key in batch}
    queries = {(d, c): vector(part(held_out[d][c])) for d, c in keys}
    passages = {(d, c): vector(held_out[d][c]) for d, c in keys}
    memo = {}

    def cosine(a, b):
        if (a, b) not in memo:
            memo[a, b] = sum(x * passages[b].get(w, 0) for w, x in queries[a].items())
        return memo[a, b]

    similarities = [torch.tensor([[cosine(a, b) for b in batch] for a in batch]) for batch in batches]
    return by_document(batches, [hits(s, [d for d, _ in batch]) for s, batch in zip(similarities, batches)])
