import { chunkParagraphs } from './chunking.ts';
import type { TokenCounter } from './chunking.ts';
import { CorpusError } from './errors.ts';
import { pacer } from './pacer.ts';
import type { Chunk, Corpus, Notice, SourceDocument } from './types.ts';

export interface CorpusOptions {
  /** Token budget of a chunk; see chunkTokenBudget for the one that fits a row length. */
  maxTokens: number;
  countTokens: TokenCounter;
  /** Carried over from reading the text. */
  notices?: readonly Notice[];
  signal?: AbortSignal;
  /** Share of the documents done, 0 to 1. */
  onProgress?: (fraction: number) => void;
}

/**
 * Documents → chunks. Chunks never cross a document's boundary; documents without text are left out.
 * @throws CorpusError `empty-text` when nothing is left, `one-chunk` when there is only one chunk, `aborted`.
 */
export async function buildCorpus(
  sources: readonly SourceDocument[],
  { maxTokens, countTokens, notices = [], signal, onProgress }: CorpusOptions,
): Promise<Corpus> {
  const pause = pacer(signal, 'Cutting the text into chunks');
  const chunks: Chunk[] = [];
  const documents: { title: string; firstChunk: number; chunkCount: number }[] = [];
  for (const [i, source] of sources.entries()) {
    const texts = chunkParagraphs(source.paragraphs, maxTokens, countTokens);
    if (texts.length > 0) {
      const document = documents.length;
      documents.push({ title: source.title, firstChunk: chunks.length, chunkCount: texts.length });
      for (const text of texts) chunks.push({ text, document, documentTitle: source.title, index: chunks.length });
    }
    onProgress?.((i + 1) / sources.length);
    await pause();
  }
  if (chunks.length === 0) {
    throw new CorpusError('empty-text', 'There is no text. Paste a few paragraphs or choose a collection.');
  }
  if (chunks.length === 1) {
    throw new CorpusError(
      'one-chunk',
      `The text makes a single chunk of at most ${maxTokens} tokens, and a chunk learns from its neighbours. ` +
        'Add more text or choose shorter chunks.',
    );
  }
  const found: Notice[] = [...notices];
  if (documents.length === 1) {
    found.push({
      code: 'one-document',
      message:
        'The text is one document, so every chunk is every other chunk’s partner and recall says nothing. ' +
        'Separate topics with headings, blank lines or a line of ---.',
    });
  }
  return { chunks, documents, notices: found };
}
