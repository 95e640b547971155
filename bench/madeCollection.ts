import { Random } from '../src/corpus/random.ts';
import { loadProse, proseCollections } from '../src/corpus/sources/prose.ts';
import { MOST_DOCUMENTS } from '../src/evaluation/collections/collection.ts';

export const QUERIES = 1000;
const WORDS_OF_A_DOCUMENT = 120;

/**
 * Files of a collection in BEIR's layout, as large as one may be: its documents are made of the words of the built-in essays, each query
 * of a few words of the document that is relevant to it.
 */
export async function madeCollection(): Promise<Record<string, string>> {
  const essays = (await Promise.all(proseCollections.map(({ id }) => loadProse(id)))).flat();
  const known = essays.flatMap(({ paragraphs }) => paragraphs.join(' ').split(' '));
  const random = Random.fromSeed(1);
  const some = (count: number): string[] =>
    Array.from({ length: count }, () => known[random.integer(known.length)] ?? '');
  const corpus: string[] = [];
  const queries: string[] = [];
  const qrels = ['query-id\tcorpus-id\tscore'];
  for (let i = 0; i < MOST_DOCUMENTS; i++) {
    const text = some(WORDS_OF_A_DOCUMENT);
    corpus.push(JSON.stringify({ _id: `d${i}`, title: '', text: text.join(' ') }));
    if (i >= QUERIES) continue;
    queries.push(JSON.stringify({ _id: `q${i}`, text: random.shuffle(text).slice(0, 8).join(' ') }));
    qrels.push(`q${i}\td${i}\t1`);
  }
  return {
    'corpus.jsonl': corpus.join('\n'),
    'queries.jsonl': queries.join('\n'),
    'qrels/test.tsv': qrels.join('\n'),
  };
}
