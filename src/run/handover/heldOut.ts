import { groupedBy } from '../../corpus/batches/batchStrategies.ts';
import { queryText } from '../../corpus/batches/collation.ts';
import type { Chunk } from '../../corpus/types.ts';
import type { LabelledCollection } from '../../evaluation/collections/collection.ts';
import { factCollection } from '../../evaluation/collections/facts.ts';
import type { PreparedRun } from '../recipe.ts';

/**
 * What training never sees as a labelled collection: of each document every other chunk asks, from the first on, for those between,
 * among all of them; it asks with as much of its text as the retriever sees of a query. Of the endless stream, held-out facts.
 * Undefined where no document of more than one chunk is held out.
 */
export function heldOutCollection({ corpus, recipe }: PreparedRun): LabelledCollection | undefined {
  const { heldOut, retrieverTokenizer, summary } = corpus;
  if (!heldOut) return factCollection();
  const { chunkTokens: maxLength, firstHalf } = recipe.configuration;
  const cut = { maxLength, firstHalf, firstHalfRatio: 0.5, prefixes: true };
  const documents = groupedBy(heldOut.chunks, heldOut.documentOf);
  const divided = documents.map((chunks) => ({
    asking: chunks.filter((_, i) => i % 2 === 0),
    asked: chunks.filter((_, i) => i % 2 === 1),
  }));
  const asking = divided.flatMap((one) => (one.asked.length > 0 ? one.asking : []));
  if (asking.length === 0) return undefined;
  const isAsking = new Set(asking);
  const id = ({ index }: Chunk): string => `chunk-${index}`;
  return {
    title: `Held out of ${summary.title}`,
    documents: heldOut.chunks
      .filter((chunk) => !isAsking.has(chunk))
      .map((chunk) => ({ id: id(chunk), title: '', text: chunk.text })),
    queries: asking.map((chunk) => ({ id: id(chunk), text: queryText(retrieverTokenizer, chunk.text, cut) })),
    qrels: new Map(
      divided.flatMap((one) =>
        one.asked.length === 0
          ? []
          : one.asking.map((chunk) => [id(chunk), new Map(one.asked.map((answer) => [id(answer), 1]))] as const),
      ),
    ),
    notices: [],
  };
}
