"""Trains a checkpoint on a text and ranks a labelled collection with it after some steps, as run files of TREC's: README.md beside this file says how."""

import json
import os
import random
import time

import torch
import torch.nn.functional as F

from gentle import Run, Updates, parser_of
from texts import draw

CROP = (0.1, 0.5)  # shares of a chunk, and
DELETION = 0.1  # of a crop's tokens are left out, as docs/METHOD.md, "InfoNCE on crops"


def crop(chunk, randoms):
    """A random span of a chunk, of whose tokens each is left out with the probability DELETION."""
    length = max(1, round(randoms.uniform(*CROP) * len(chunk)))
    start = randoms.randrange(len(chunk) - length + 1)
    span = chunk[start : start + length]
    return [token for token in span if randoms.random() >= DELETION] or span[:1]


class Collection:
    """Documents and queries of a folder in BEIR layout, tokenised; documents are `title + " " + text`."""

    def __init__(self, folder, encode, most):
        def read(name, text):
            with open(os.path.join(folder, name)) as lines:
                rows = [json.loads(line) for line in lines if line.strip()]
            return {row['_id']: encode(text(row))[:most] for row in rows}

        self.documents = read('corpus.jsonl', lambda row: f"{row.get('title', '')} {row['text']}".strip())
        self.queries = read('queries.jsonl', lambda row: row['text'])


class LabelledRun(Run):
    """The setting of gentle, with InfoNCE on crops as another loss, and whole chunks embedded where the collection is ranked."""

    def embed_as(self, chunks, prefix, centre):
        rows = [prefix + chunk + [self.model.end] for chunk in chunks]
        return F.normalize(self.pooled_rows(rows, [prefix] * len(rows)) - centre, dim=-1)

    def info_nce(self, chunks, randoms):
        sides = []
        for prefix, centre in ((self.query_prefix, self.centres[0]), (self.passage_prefix, self.centres[1])):
            crops = [crop(chunk, randoms) for chunk in chunks]
            sides.append(self.embed_as(crops, prefix, centre))
        scores = sides[0] @ sides[1].T / self.options.temperature
        return F.cross_entropy(scores, torch.arange(len(chunks)))

    @torch.no_grad()
    def rank(self, collection):
        """{query: [(document, cosine)]}, all documents, best first."""

        def vectors(texts, prefix, centre):
            names = sorted(texts, key=lambda name: len(texts[name]))
            parts = [names[i : i + 8] for i in range(0, len(names), 8)]
            return names, torch.cat([self.embed_as([texts[n] for n in part], prefix, centre) for part in parts])

        documents, passages = vectors(collection.documents, self.passage_prefix, self.centres[1])
        queries, asked = vectors(collection.queries, self.query_prefix, self.centres[0])
        for query, scores in zip(queries, asked @ passages.T):
            yield query, sorted(zip(documents, scores.tolist()), key=lambda pair: -pair[1])


def write_run(path, name, rankings):
    with open(path, 'w') as file:
        for query, ranking in rankings:
            for place, (document, score) in enumerate(ranking, 1):
                file.write(f'{query} Q0 {document} {place} {score:.7g} {name}\n')


def main():
    parser = parser_of(__doc__)
    parser.add_argument('--collection', required=True, help='folder with corpus.jsonl and queries.jsonl')
    parser.add_argument('--out', required=True, help='folder for the run files')
    parser.add_argument('--objective', choices=['revela', 'infoNce'], default='revela')
    parser.add_argument('--longest', type=int, default=256, help='tokens of a document that are read')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.makedirs(options.out, exist_ok=True)
    run = LabelledRun(options)
    collection = Collection(options.collection, run.model.encode, options.longest)
    updates = Updates(run, options)
    randoms, began = random.Random(options.seed), time.time()
    looks = {int(step) for step in options.evaluate.split(',')} | {0}
    for step in range(options.steps + 1):
        if step > 0:
            chunks, _ = draw(run.train, randoms, options.chunks)
            loss = run.step_loss(chunks) if options.objective == 'revela' else run.info_nce(chunks, randoms)
            updates.make(step, loss)
            print(json.dumps({'step': step, 'loss': loss.item(), 'seconds': round(time.time() - began)}), flush=True)
        if step in looks:
            name = f'{options.objective}-{options.chunks}-seed{options.seed}-{step}'
            write_run(os.path.join(options.out, name + '.trec'), name, run.rank(collection))
            print(json.dumps({'step': step, 'ranked': name, 'seconds': round(time.time() - began)}), flush=True)


if __name__ == '__main__':
    main()
