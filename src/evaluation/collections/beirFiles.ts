import { textFile, type NamedFile } from '../../files/formats/zipWriter.ts';
import type { LabelledCollection } from './collection.ts';

/** A collection in BEIR's layout, as `readCollection` reads it: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv. */
export function beirFiles({ documents, queries, qrels }: LabelledCollection, split = 'test'): NamedFile[] {
  const lines = (values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const labels = [...qrels].flatMap(([query, judged]) =>
    [...judged].map(([document, label]) => `${query}\t${document}\t${label}\n`),
  );
  return [
    textFile('corpus.jsonl', lines(documents.map(({ id, title, text }) => ({ _id: id, title, text })))),
    textFile('queries.jsonl', lines(queries.map(({ id, text }) => ({ _id: id, text })))),
    textFile(`qrels/${split}.tsv`, `query-id\tcorpus-id\tscore\n${labels.join('')}`),
  ];
}
