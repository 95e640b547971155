"""Trains one setting of *gentle* and prints its curve on held-out documents: README.md beside this file says how."""

import argparse
import json
import math
import random
import time

import torch
import torch.nn.functional as F

from decoder import Decoder
from texts import by_document, documents, draw, held_out_batches, hits, mean_and_error, tfidf_scores

SETTINGS = {
    # texts
    'tokens': (64, 'most tokens of a chunk'),
    'heldout': (120, 'documents held out: the first of the file'),
    'test': (0, 'of these, so many are scored; 0: all'),
    'each': (2, 'chunks of a held-out document at most'),
    'rounds': (20, 'how often held-out documents are dealt out anew'),
    # retriever
    'pooling': ('content', 'content, mean or eos'),
    'depth': (29, 'layers of the retriever'),
    'norm': (0, '1: the final norm over these layers; it always is over all'),
    'centre': (1, 'subtract the corpus mean of step 0, one a side'),
    'half': (1, 'queries are the first half of the chunk'),
    'temperature': (0.05, 'τ'),
    # language model
    'gate': (0.25, 'γ'),
    'first': (20, 'first layer that reads neighbours'),
    'vnorm': (0, 'V-normalisation'),
    # training
    'chunks': (8, 'B'),
    'rank': (16, 'of the adapters'),
    'retriever_lr': (1e-3, 'learning rate of the retriever'),
    'lm_lr': (0.0, 'learning rate of the language model; 0: frozen'),
    'warmup': (10, 'steps'),
    'steps': (120, 'steps'),
    'seed': (0, 'of adapters and batches'),
    'evaluate': ('20,60,120', 'after these steps, and before the first'),
    'threads': (1, 'of PyTorch'),
}


def pool(h, rows, pooling, prefix_lengths):
    """h [T, D] → [rows, D]"""
    last = rows.lengths.cumsum(0) - 1
    if pooling == 'eos':
        return h[last]
    weight = torch.ones(len(rows.ids))
    if pooling == 'content':
        weight[rows.place < prefix_lengths[rows.row]] = 0
        weight[last] = 0
    sums = torch.zeros(rows.count, h.shape[1]).index_add(0, rows.row, h * weight[:, None])
    return sums / torch.zeros(rows.count).index_add(0, rows.row, weight)[:, None]


class Run:
    def __init__(self, options):
        self.options = options
        self.model = Decoder(options.model)
        self.query_prefix, self.passage_prefix = self.model.encode('query: '), self.model.encode('passage: ')
        found = documents(options.docs, self.model.encode, options.tokens)
        self.held_out, self.train = found[: options.heldout], found[options.heldout :]
        self.batches = held_out_batches(self.held_out[: options.test or None], options.each, options.rounds)
        generator = torch.Generator().manual_seed(options.seed)
        self.retriever = self.model.lora(options.rank, options.depth, generator)
        self.lm = self.model.lora(options.rank, self.model.layers, generator) if options.lm_lr else None
        self.gates = [options.gate * (layer >= options.first) for layer in range(self.model.layers)]
        self.centres = (torch.zeros(()), torch.zeros(()))
        if options.centre:
            self.centres = self._centres()
        scores = tfidf_scores(found, self.held_out, self.batches, self._content_of_query, self.model.tokenizer.decode)
        self.tfidf, self.untrained = scores, None

    def _query(self, chunk):
        row = self.query_prefix + chunk
        return (row[: len(row) // 2] if self.options.half else row) + [self.model.end]

    def _content_of_query(self, chunk):
        return self._query(chunk)[len(self.query_prefix) : -1]

    def _passage(self, chunk):
        return self.passage_prefix + chunk + [self.model.end]

    def _pooled(self, chunks):
        """Pooled states of the chunks as queries and as passages, [n, D] each."""
        n = len(chunks)
        rows = [self._query(chunk) for chunk in chunks] + [self._passage(chunk) for chunk in chunks]
        return self.pooled_rows(rows, [self.query_prefix] * n + [self.passage_prefix] * n).split(n)

    def pooled_rows(self, rows, prefixes):
        """Pooled states of token rows that begin with these prefixes, [rows, D]."""
        model, depth = self.model, self.options.depth
        rows = model.rows(rows)
        h = model.run(self.retriever, rows, F.embedding(rows.ids, model.embedding), 0, depth)
        if depth == model.layers or self.options.norm:
            h = F.rms_norm(h, (model.width,), model.final_norm, model.epsilon)
        return pool(h, rows, self.options.pooling, torch.tensor([len(prefix) for prefix in prefixes]))

    @torch.no_grad()
    def _centres(self):
        """Mean of queries and of passages over 80 chunks of the training documents, before training."""
        randoms = random.Random(7000)
        sample = [chunk for _ in range(10) for chunk in draw(self.train, randoms, 8)[0]]
        parts = [self._pooled(sample[i : i + 16]) for i in range(0, 80, 16)]
        return tuple(torch.cat(side).mean(0) for side in zip(*parts))

    def embed(self, chunks):
        return tuple(F.normalize(e - centre, dim=-1) for e, centre in zip(self._pooled(chunks), self.centres))

    def attention(self, similarity):
        self_pairs = torch.eye(len(similarity), dtype=torch.bool)
        return (similarity / self.options.temperature).masked_fill(self_pairs, -math.inf).softmax(-1)

    def plain(self, rows):
        """The stream before the first layer that reads (the same in both passes), after the last, and keys and values."""
        kept, first = {}, self.options.first
        shared = self.model.run(self.lm, rows, F.embedding(rows.ids, self.model.embedding), 0, first, keep=kept)
        return shared, self.model.run(self.lm, rows, shared, first, self.model.layers, keep=kept), kept

    def in_batch(self, rows, shared, kept, attention):
        context = (attention, kept, self.gates, self.options.vnorm)
        return self.model.run(self.lm, rows, shared, self.options.first, self.model.layers, context=context)

    def step_loss(self, chunks):
        query, passage = self.embed(chunks)
        rows = self.model.rows(chunks)
        with torch.set_grad_enabled(self.lm is not None):
            shared, _, kept = self.plain(rows)
        x = self.in_batch(rows, shared, kept, self.attention(query @ passage.T))
        return self.model.loss(x, rows, self.model.output)

    @torch.no_grad()
    def evaluate(self, step):
        keys = sorted({key for batch in self.batches for key in batch}, key=lambda k: len(self.held_out[k[0]][k[1]]))
        queries, passages = {}, {}
        for start in range(0, len(keys), 16):
            some = keys[start : start + 16]
            for key, query, passage in zip(some, *self.embed([self.held_out[d][c] for d, c in some])):
                queries[key], passages[key] = query, passage
        similar = [torch.stack([queries[k] for k in b]) @ torch.stack([passages[k] for k in b]).T for b in self.batches]
        scores = by_document(self.batches, [hits(s, [d for d, _ in b]) for s, b in zip(similar, self.batches)])
        if self.untrained is None:
            self.untrained = scores
        apart = torch.cat([s[~torch.eye(len(s), dtype=torch.bool)] for s in similar])
        losses = torch.tensor([self._losses(b, s) for b, s in list(zip(self.batches, similar))[:5]]).mean(0).tolist()
        return {
            'step': step,
            'recall': mean_and_error(scores),
            'over TF-IDF': mean_and_error(scores - self.tfidf),
            'over untrained': mean_and_error(scores - self.untrained),
            'S': (apart.mean().item(), apart.std().item()),
            **dict(zip(('with context', 'alone', 'true partner'), losses)),
        }

    def _losses(self, batch, similarity):
        rows = self.model.rows([self.held_out[d][c] for d, c in batch])
        label = torch.tensor([d for d, _ in batch])
        partner = (label[:, None] == label).float().fill_diagonal_(0)
        shared, alone, kept = self.plain(rows)
        read = [self.in_batch(rows, shared, kept, a) for a in (self.attention(similarity), partner)]
        return [self.model.loss(x, rows, self.model.embedding).item() for x in (read[0], alone, read[1])]


def trained(adapters):
    return [tensor for a, bs in (adapters or {}).values() for tensor in (a, *bs)]


class Updates:
    """AdamW over what learns, with clipping and a warm-up."""

    def __init__(self, run, options):
        groups = [(trained(run.retriever), options.retriever_lr), (trained(run.lm), options.lm_lr)]
        self.groups = [{'params': tensors, 'lr': rate, 'full': rate} for tensors, rate in groups if tensors]
        self.optimiser = torch.optim.AdamW(self.groups, betas=(0.9, 0.999), weight_decay=0)
        self.warmup = options.warmup

    def make(self, step, loss):
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([tensor for group in self.groups for tensor in group['params']], 1.0)
        for group in self.optimiser.param_groups:
            group['lr'] = group['full'] * min(1, step / self.warmup)
        self.optimiser.step()


def parser_of(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--model', required=True, help='folder: config.json, model.safetensors, tokenizer.json')
    parser.add_argument('--docs', required=True, help='one document a line, as a JSON string')
    for name, (default, words) in SETTINGS.items():
        parser.add_argument('--' + name.replace('_', '-'), type=type(default), default=default, help=words)
    return parser


def main():
    options = parser_of(__doc__).parse_args()
    torch.set_num_threads(options.threads)
    run = Run(options)
    tfidf = mean_and_error(run.tfidf)
    print(json.dumps({'train': len(run.train), 'held out': len(run.held_out), 'TF-IDF': tfidf, **vars(options)}), flush=True)
    print(json.dumps(run.evaluate(0)), flush=True)
    updates = Updates(run, options)
    randoms, began = random.Random(options.seed), time.time()
    for step in range(1, options.steps + 1):
        chunks, _ = draw(run.train, randoms, options.chunks)
        loss = run.step_loss(chunks)
        updates.make(step, loss)
        print(json.dumps({'step': step, 'loss': loss.item(), 'seconds': round(time.time() - began)}), flush=True)
        if str(step) in options.evaluate.split(','):
            print(json.dumps(run.evaluate(step)), flush=True)


if __name__ == '__main__':
    main()
