import { CorpusBatches } from '../corpus/batching.ts';
import { trainBpe } from '../corpus/bpeTrainer.ts';
import { chunkTokenBudget } from '../corpus/collation.ts';
import { buildCorpus } from '../corpus/corpus.ts';
import { readText } from '../corpus/documents.ts';
import { FactStream } from '../corpus/factStream.ts';
import { factVocabulary } from '../corpus/factWords.ts';
import { loadProse, proseCollections } from '../corpus/prose.ts';
import { TextTokenizer } from '../corpus/tokenizer.ts';
import type { BatchSource, Chunk, SourceDocument } from '../corpus/types.ts';
import { wordTokenizerFiles } from '../corpus/wordTokenizer.ts';
import { Bm25 } from '../retrieval/bm25.ts';
import { TfIdf } from '../retrieval/tfidf.ts';
import type { Configuration } from './configuration.ts';
import type { ChunkView, CorpusSummary } from './run.ts';

/** A corpus cut, tokenised and ready to hand out batches. */
export interface CorpusSetup {
  readonly summary: CorpusSummary;
  readonly tokenizer: TextTokenizer;
  readonly batches: BatchSource;
  /** For the TF-IDF baseline: rarity of words over the whole corpus. */
  readonly tfidf: TfIdf;
  /** For the BM25 control. */
  readonly chunkTexts: readonly string[];
}

export interface CorpusSetupOptions {
  /** The user's text, when the configuration's source is 'text'. */
  readonly text?: string | Uint8Array | undefined;
  readonly title?: string | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (detail: string, fraction: number) => void;
}

/** How many chunks the page lists before a run starts. */
const PREVIEW_CHUNKS = 24;
/** How many batches of the endless stream stand for it where a sample is needed. */
const FACT_SAMPLE_BATCHES = 64;

/**
 * Prepares the corpus a configuration names.
 * @throws CorpusError with a message for the person at the screen: empty, binary or too large text, too few chunks …
 */
export async function setUpCorpus(
  configuration: Configuration,
  options: CorpusSetupOptions = {},
): Promise<CorpusSetup> {
  return configuration.source === 'facts' ? setUpFacts(configuration) : setUpProse(configuration, options);
}

function setUpFacts(configuration: Configuration): CorpusSetup {
  const { chunks: batchSize, groupSize: chunksPerFact, seed } = configuration;
  const batches = new FactStream({ batchSize, chunksPerFact, seed });
  const tokenizer = new TextTokenizer(wordTokenizerFiles(factVocabulary()));
  const sample: Chunk[] = [];
  for (let i = 0; i < FACT_SAMPLE_BATCHES; i++) sample.push(...batches.batchAt(i).chunks);
  const chunkTexts = sample.map(({ text }) => text);
  return {
    tokenizer,
    batches,
    chunkTexts,
    tfidf: new TfIdf(chunkTexts),
    summary: {
      title: 'Facts',
      documents: undefined,
      chunks: undefined,
      vocabulary: tokenizer.vocabularySize,
      notices: [],
      preview: batches
        .batchAt(0)
        .chunks.map((chunk) => chunkView(tokenizer, chunk, chunk.document, configuration.chunkTokens)),
    },
  };
}

async function setUpProse(configuration: Configuration, options: CorpusSetupOptions): Promise<CorpusSetup> {
  const { signal, onProgress } = options;
  const { title, documents, notices } = await sourceDocuments(configuration, options);
  const texts = documents.flatMap(({ paragraphs }) => paragraphs);
  onProgress?.('Building the vocabulary', 0);
  const tokenizer = new TextTokenizer(
    await trainBpe(texts, {
      vocabularySize: configuration.vocabulary,
      ...(signal ? { signal } : {}),
      onProgress: ({ fraction }) => onProgress?.('Building the vocabulary', fraction),
    }),
  );
  const corpus = await buildCorpus(documents, {
    maxTokens: chunkTokenBudget(tokenizer, configuration.chunkTokens, true),
    countTokens: (text) => tokenizer.countTokens(text),
    notices,
    ...(signal ? { signal } : {}),
    onProgress: (fraction) => onProgress?.('Cutting the text into chunks', fraction),
  });
  const batches = new CorpusBatches(corpus, {
    batchSize: configuration.chunks,
    strategy: configuration.batching,
    groupSize: configuration.groupSize,
    seed: configuration.seed,
    lexicalIndex: (chunkTexts) => new Bm25(chunkTexts),
  });
  const chunkTexts = corpus.chunks.map(({ text }) => text);
  return {
    tokenizer,
    batches,
    chunkTexts,
    tfidf: new TfIdf(chunkTexts),
    summary: {
      title,
      documents: corpus.documents.length,
      chunks: corpus.chunks.length,
      vocabulary: tokenizer.vocabularySize,
      notices: batches.notices.map(({ message }) => message),
      preview: corpus.chunks
        .slice(0, PREVIEW_CHUNKS)
        .map((chunk) => chunkView(tokenizer, chunk, chunk.document, configuration.chunkTokens)),
    },
  };
}

async function sourceDocuments(
  { source }: Configuration,
  { text, title }: CorpusSetupOptions,
): Promise<{ title: string; documents: SourceDocument[]; notices: ReturnType<typeof readText>['notices'] }> {
  if (source === 'text') {
    const name = title ?? 'Your text';
    return { title: name, ...readText(name, text ?? '') };
  }
  const collection = proseCollections.find(({ id }) => id === source);
  return { title: collection?.title ?? source, documents: await loadProse(source), notices: [] };
}

/** A chunk for the page, with the tokens the language model sees of it (cut to `maxLength` − 1, as collation does). */
export function chunkView(tokenizer: TextTokenizer, chunk: Chunk, document: number, maxLength: number): ChunkView {
  const tokens = tokenizer
    .pieces(chunk.text)
    .slice(0, maxLength - 1)
    .map(({ text }) => text);
  return { text: chunk.text, document, documentTitle: chunk.documentTitle, tokens };
}
