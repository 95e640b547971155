import { CorpusBatches, trainingChunks } from '../corpus/batches/batching.ts';
import { trainBpe } from '../corpus/tokenizer/bpeTrainer.ts';
import { chunkTokenBudget } from '../corpus/batches/collation.ts';
import { MINIMUM_CHUNK_TOKENS, type TokenCounter } from '../corpus/chunking.ts';
import { buildCorpus, hasPartner } from '../corpus/corpus.ts';
import { pastedText, type GivenText } from '../corpus/given.ts';
import { divideText } from '../corpus/sources/division/division.ts';
import { FactStream } from '../corpus/sources/factStream.ts';
import { factVocabulary } from '../corpus/sources/factWords.ts';
import { loadProse, proseCollections } from '../corpus/sources/prose.ts';
import { TextTokenizer } from '../corpus/tokenizer/tokenizer.ts';
import type { BatchSource, Chunk, ChunkPool, Corpus, Notice, SourceDocument } from '../corpus/types.ts';
import { wordTokenizerFiles } from '../corpus/tokenizer/wordTokenizer.ts';
import { Bm25 } from '../retrieval/bm25.ts';
import { clusterTexts } from './clusters.ts';
import { TermStatistics } from '../retrieval/termStatistics.ts';
import { TfIdf } from '../retrieval/tfidf.ts';
import { SETTINGS, type Configuration } from '../settings/configuration.ts';
import { SettingError } from '../settings/setting.ts';
import { noticesOf } from './checkpointNotices.ts';
import type { Bases } from './pretrained.ts';
import type { ChunkView, CorpusSummary } from './record.ts';

/** A corpus cut, tokenised and ready to hand out batches. */
export interface CorpusSetup {
  readonly summary: CorpusSummary;
  /** The language model's: chunks are cut and shown in its tokens. */
  readonly tokenizer: TextTokenizer;
  /** The same, unless the retriever is another model. */
  readonly retrieverTokenizer: TextTokenizer;
  readonly batches: BatchSource;
  /** Rarity of words over the whole corpus (the sample, for the endless stream): for the BM25 control. */
  readonly terms: TermStatistics;
  /** The baseline, with the same rarities. */
  readonly tfidf: TfIdf;
  /** Text of every chunk (a sample, for the endless stream). */
  readonly chunkTexts: readonly string[];
  /** Tokens of the language model's longest row, where that is known to be less than what the configuration allows. */
  readonly longestRow: number | undefined;
  /** What can be searched: every chunk, or the sample. */
  readonly chunks: readonly Chunk[];
  /** What hard negatives are taken from: training text only. */
  readonly negatives: ChunkPool;
  /** What training never sees; undefined for the endless stream, whose held-out facts never end either. */
  readonly heldOut: ChunkPool | undefined;
}

export interface CorpusSetupOptions {
  /** Checkpoints bring their own tokenizers; without them one is made for the text. */
  readonly bases?: Bases | undefined;
  /** The user's text, when the configuration's source is 'text'. */
  readonly text?: GivenText | undefined;
  readonly title?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (detail: string, fraction: number) => void;
}

/** How many chunks the page lists before a run starts. */
const PREVIEW_CHUNKS = 24;
/** Facts beyond the sample may be a little longer in a checkpoint's tokens. */
const FACT_ROW_MARGIN = 4;
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
  return configuration.source === 'facts' ? setUpFacts(configuration, options) : setUpProse(configuration, options);
}

function setUpFacts(configuration: Configuration, { bases }: CorpusSetupOptions): CorpusSetup {
  const { chunks: batchSize, groupSize: chunksPerFact, seed } = configuration;
  const batches = new FactStream({ batchSize, chunksPerFact, seed });
  const tokenizer = bases?.languageModel.tokenizer ?? new TextTokenizer(wordTokenizerFiles(factVocabulary()));
  const sample: Chunk[] = [];
  // Batches count their facts from 0; in the sample each fact is a document of its own.
  const facts = batchSize / chunksPerFact;
  for (let i = 0; i < FACT_SAMPLE_BATCHES; i++)
    sample.push(...batches.batchAt(i).chunks.map((chunk) => ({ ...chunk, document: i * facts + chunk.document })));
  const chunkTexts = sample.map(({ text }) => text);
  const terms = new TermStatistics(chunkTexts);
  return {
    tokenizer,
    retrieverTokenizer: bases?.retriever.tokenizer ?? tokenizer,
    batches,
    // Facts are short; what a batch of them needs says nothing about the longest rows allowed.
    longestRow: Math.max(...chunkTexts.map((text) => tokenizer.encode(text).length)) + FACT_ROW_MARGIN,
    chunks: sample,
    negatives: {
      chunks: sample,
      documentOf: ({ index, document }) => Math.floor(index / batchSize) * facts + (document % facts),
    },
    heldOut: undefined,
    chunkTexts,
    terms,
    tfidf: new TfIdf(terms),
    summary: {
      title: 'Facts',
      documents: undefined,
      chunks: undefined,
      vocabulary: tokenizer.vocabularySize,
      notices: bases ? noticesOf(bases, configuration) : [],
      queries: batches.retold(0),
      preview: batches
        .batchAt(0)
        .chunks.map((chunk) => chunkView(tokenizer, chunk, chunk.document, configuration.chunkTokens)),
    },
  };
}

async function setUpProse(configuration: Configuration, options: CorpusSetupOptions): Promise<CorpusSetup> {
  const { signal, onProgress } = options;
  const { title, documents, notices } = await sourceDocuments(configuration, options);
  const tokenizer = options.bases?.languageModel.tokenizer ?? (await trainTokenizer(configuration, documents, options));
  const retrieverTokenizer = options.bases?.retriever.tokenizer ?? tokenizer;
  const tokenizers = [...new Set([tokenizer, retrieverTokenizer])];
  const corpus = await buildCorpus(documents, {
    maxTokens: chunkLength(configuration, tokenizers),
    countTokens: tokensInAll(tokenizers),
    isFitted: isFitted(configuration),
    notices,
    signal,
    onProgress: (fraction) => onProgress?.('Cutting the text into chunks', fraction),
  });
  const chunkTexts = corpus.chunks.map(({ text }) => text);
  const terms = new TermStatistics(chunkTexts);
  const tfidf = new TfIdf(terms);
  const batches = new CorpusBatches(corpus, {
    batchSize: configuration.chunks,
    strategy: configuration.batching,
    groupSize: configuration.groupSize,
    seed: configuration.seed,
    lexicalIndex: (texts) => new Bm25(texts),
    ...(configuration.batching === 'balanced' && { clusters: await topicsOf(corpus, configuration, tfidf, options) }),
  });
  return {
    tokenizer,
    retrieverTokenizer,
    batches,
    longestRow: undefined,
    chunks: corpus.chunks,
    negatives: { chunks: batches.training, documentOf: batches.labelOf },
    heldOut: { chunks: batches.heldOut, documentOf: batches.labelOf },
    chunkTexts,
    terms,
    tfidf,
    summary: {
      title,
      documents: corpus.documents.length,
      chunks: corpus.chunks.length,
      partnered: corpus.documents.filter(hasPartner).reduce((sum, { chunkCount }) => sum + chunkCount, 0),
      vocabulary: tokenizer.vocabularySize,
      notices: [
        ...(options.bases ? noticesOf(options.bases, configuration) : []),
        ...batches.notices.map(({ message }) => message),
      ],
      preview: corpus.chunks
        .slice(0, PREVIEW_CHUNKS)
        .map((chunk) => chunkView(tokenizer, chunk, chunk.document, configuration.chunkTokens)),
    },
  };
}

/** The topic of each training chunk. A corpus of fewer chunks than a batch has none: CorpusBatches says so. */
async function topicsOf(
  corpus: Corpus,
  { chunks: leastSize, topicClusters: clusters, seed }: Configuration,
  tfidf: TfIdf,
  { signal, onProgress }: Pick<CorpusSetupOptions, 'signal' | 'onProgress'>,
): Promise<number[]> {
  if (corpus.chunks.length < leastSize) return [];
  return clusterTexts(
    trainingChunks(corpus, leastSize).map(({ text }) => text),
    tfidf,
    { clusters, leastSize, seed, signal, onProgress: (fraction) => onProgress?.('Finding topics', fraction) },
  );
}

/** Whether chunks may be shorter than they could be: where the text is the reader's own, and they have not said otherwise. */
export function isFitted({ source, chunkFit }: Configuration): boolean {
  return source === 'text' && chunkFit === 'auto';
}

/** Counts in whichever tokens there are more of. */
export function tokensInAll(tokenizers: readonly TextTokenizer[]): TokenCounter {
  return (text) => Math.max(...tokenizers.map((one) => one.countTokens(text)));
}

/**
 * Tokens of text that a chunk may have so that it fits both models.
 * @throws SettingError where their rows have no room for text.
 */
export function chunkLength({ chunkTokens }: Configuration, tokenizers: readonly TextTokenizer[]): number {
  const length = Math.min(...tokenizers.map((one) => chunkTokenBudget(one, chunkTokens, true)));
  if (length >= MINIMUM_CHUNK_TOKENS) return length;
  const needed = chunkTokens - length + MINIMUM_CHUNK_TOKENS;
  throw new SettingError(
    'chunkTokens',
    `${SETTINGS.chunkTokens.label} is ${chunkTokens}, and this tokenizer needs ${chunkTokens - length} of these tokens to mark a passage ` +
      `and its end. Choose at least ${needed}.`,
  );
}

/** The byte-level BPE of a run that has no checkpoint. */
export async function trainTokenizer(
  { vocabulary }: Configuration,
  documents: readonly SourceDocument[],
  { signal, onProgress }: Pick<CorpusSetupOptions, 'signal' | 'onProgress'>,
): Promise<TextTokenizer> {
  const detail = 'Building the vocabulary';
  onProgress?.(detail, 0);
  const files = await trainBpe(
    documents.flatMap(({ paragraphs }) => paragraphs),
    {
      vocabularySize: vocabulary,
      ...(signal ? { signal } : {}),
      onProgress: ({ fraction }) => onProgress?.(detail, fraction),
    },
  );
  return new TextTokenizer(files);
}

async function sourceDocuments(
  { source, documentUnit: unit, column }: Configuration,
  { text = pastedText('The text', ''), title, signal, onProgress }: CorpusSetupOptions,
): Promise<{ title: string; documents: readonly SourceDocument[]; notices: readonly Notice[] }> {
  if (source === 'text') {
    const { documents, notices } = await divideText(text, {
      unit,
      column,
      signal,
      onProgress: (fraction) => onProgress?.('Reading the text', fraction),
    });
    return { title: title ?? 'Your text', documents, notices };
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
  const { text, documentTitle, wording } = chunk;
  return { text, document, documentTitle, tokens, ...(wording === undefined ? {} : { wording }) };
}
