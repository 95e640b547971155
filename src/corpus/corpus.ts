import { chunkParagraphs } from './chunking.ts';
import type { TokenCounter } from './chunking.ts';
import { firstOf } from '../base/lists.ts';
import { CorpusError } from './errors.ts';
import { documentTokens, fittedChunks, fittingLength } from './fitting.ts';
import { pacer } from './pacer.ts';
import type { Chunk, Corpus, CorpusDocument, Notice, SourceDocument } from './types.ts';

export interface CorpusOptions {
  /** Token budget of a chunk; see chunkTokenBudget for the one that fits a row length. */
  maxTokens: number;
  countTokens: TokenCounter;
  /** Whether chunks may be shorter than the budget, so that most documents have two. */
  isFitted?: boolean;
  /** Carried over from reading the text. */
  notices?: readonly Notice[];
  signal?: AbortSignal | undefined;
  /** Share of the documents done, 0 to 1. */
  onProgress?: (fraction: number) => void;
}

/** Documents that are named in a notice, before the rest is only counted. */
const MOST_NAMED = 5;

/**
 * Documents → chunks. Chunks never cross a document's boundary; documents without text are left out. What comes of a text that is too
 * short to be trained on can be looked at all the same.
 * @throws CorpusError `empty-text` when nothing is left, `aborted`.
 */
export async function cutDocuments(
  sources: readonly SourceDocument[],
  { maxTokens, countTokens, isFitted = false, notices = [], signal, onProgress }: CorpusOptions,
): Promise<Corpus> {
  const pause = pacer(signal, 'Cutting the text into chunks');
  const lengths: number[] = [];
  if (isFitted)
    for (const { paragraphs } of sources) {
      lengths.push(documentTokens(paragraphs, maxTokens, countTokens));
      await pause();
    }
  const chunkTokens = isFitted ? fittingLength(lengths, maxTokens) : maxTokens;
  const chunks: Chunk[] = [];
  const documents: CorpusDocument[] = [];
  const firstOf = new Map<string, number>();
  for (const [source, { title, paragraphs }] of sources.entries()) {
    const texts = isFitted
      ? fittedChunks(paragraphs, lengths[source] ?? Infinity, chunkTokens, countTokens)
      : chunkParagraphs(paragraphs, maxTokens, countTokens);
    if (texts.length > 0) {
      const document = documents.length;
      const whole = texts.join('\n');
      const copyOf = firstOf.get(whole);
      if (copyOf === undefined) firstOf.set(whole, document);
      documents.push({ title, firstChunk: chunks.length, chunkCount: texts.length, copyOf, source });
      for (const text of texts) chunks.push({ text, document, documentTitle: title, index: chunks.length });
    }
    onProgress?.((source + 1) / sources.length);
    await pause();
  }
  if (chunks.length === 0) {
    throw new CorpusError('empty-text', 'There is no text. Paste a few paragraphs or choose a collection.');
  }
  return { chunks, documents, chunkTokens, notices: [...notices, ...noticesOf(documents)] };
}

/**
 * The same for a text to be trained on.
 * @throws CorpusError as cutDocuments; `one-chunk` when there is only one chunk.
 */
export async function buildCorpus(sources: readonly SourceDocument[], options: CorpusOptions): Promise<Corpus> {
  const corpus = await cutDocuments(sources, options);
  if (corpus.chunks.length === 1) throw new CorpusError('one-chunk', oneChunk(options.maxTokens));
  return corpus;
}

function oneChunk(maxTokens: number): string {
  return (
    `The text makes a single chunk of at most ${maxTokens} tokens, and a chunk learns from its neighbours. ` +
    'Add more text or choose shorter chunks.'
  );
}

/** What a reader should know of the documents before anything is trained on them. */
function noticesOf(documents: readonly CorpusDocument[]): Notice[] {
  const notices: Notice[] = [];
  const copies = documents.filter(({ copyOf }) => copyOf !== undefined);
  if (copies.length > 0) {
    const named = copies.map(({ title, copyOf = 0 }) => {
      const original = documents[copyOf]?.title ?? '';
      return original === title ? `“${title}”` : `“${title}” (of “${original}”)`;
    });
    const are =
      copies.length === 1 ? '1 document is a copy of another' : `${copies.length} documents are copies of others`;
    notices.push({
      code: 'copies',
      message: `${are}, and no wrong answer where that is meant: ${firstOf(named, MOST_NAMED)}.`,
    });
  }
  const alone = documents.filter((document) => !hasPartner(document));
  if (documents.length === 1)
    notices.push({
      code: 'one-document',
      message:
        'The text is one document, so every chunk is every other chunk’s partner and recall says nothing. ' +
        'Separate topics with headings, blank lines or a line of ---.',
    });
  else if (alone.length > 0) {
    const named = firstOf(
      alone.map(({ title }) => `“${title}”`),
      MOST_NAMED,
    );
    const are = alone.length === 1 ? '1 document has' : `${alone.length} documents have`;
    notices.push({ code: 'no-partner', message: `${are} a single chunk, which has no partner to find: ${named}.` });
  }
  return notices;
}

/** Whether a chunk of the document has another one of it to find. */
export function hasPartner({ chunkCount }: CorpusDocument): boolean {
  return chunkCount > 1;
}
