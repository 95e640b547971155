import { heldOutDocuments } from '../corpus/batches/batching.ts';
import type { TokenCounter } from '../corpus/chunking.ts';
import { cutDocuments, hasPartner, type CorpusOptions } from '../corpus/corpus.ts';
import type { GivenText } from '../corpus/given.ts';
import { divideText, type Division } from '../corpus/sources/division/division.ts';
import type { Unit } from '../corpus/sources/division/units.ts';
import { estimateTokens } from '../corpus/tokenEstimate.ts';
import type { TextTokenizer } from '../corpus/tokenizer/tokenizer.ts';
import type { Corpus, CorpusDocument } from '../corpus/types.ts';
import type { Configuration } from '../settings/configuration.ts';
import { chunkLength, isFitted, tokensInAll, trainTokenizer } from './corpusSetup.ts';

/** A document as it will be read. */
export interface DocumentPreview {
  /** Its number among all; chunks of the run carry it as well. */
  readonly document: number;
  readonly title: string;
  /** Index of its file. */
  readonly file: number;
  /** Its paragraphs in one line, with one space between them; of a long one the first chunks. */
  readonly text: string;
  /** Where paragraphs begin in `text`; `at` is the place in the file for a split, undefined where none can be. */
  readonly paragraphs: readonly { readonly start: number; readonly at: number | undefined }[];
  /** Stretches of `text`. */
  readonly chunks: readonly { readonly start: number; readonly end: number; readonly tokens: number }[];
  /** Chunks it has in all. */
  readonly chunkCount: number;
  readonly hasPartner: boolean;
  /** Number of the document that it repeats word for word. */
  readonly copyOf: number | undefined;
}

/** How a text is divided and cut: what a run on it would read. */
export interface TextPreview {
  /** What a document is, and whether that was guessed. */
  readonly unit: Unit;
  readonly isGuessed: boolean;
  /** How many documents each unit would make, before corrections by hand. */
  readonly units: readonly { readonly unit: Unit; readonly documents: number }[];
  readonly documentCount: number;
  readonly chunkCount: number;
  /** Chunks that have another one of their document to find. */
  readonly partneredChunks: number;
  /** Some of the documents, from the one asked for on. */
  readonly from: number;
  readonly documents: readonly DocumentPreview[];
  /** Documents that training would never see. */
  readonly heldOutDocuments: number;
  /** Documents of a single chunk: their number, and the names of the first. */
  readonly alone: NamedDocuments;
  /** Documents that repeat another word for word. */
  readonly copies: NamedDocuments;
  /** Most tokens of a chunk's text, and whether that was chosen to suit the documents (then no more than the setting allows). */
  readonly chunkTokens: number;
  readonly isLengthChosen: boolean;
  /** Tokens were counted in the checkpoint's, in those of the vocabulary made for this text, or estimated from its words. */
  readonly countedIn: 'checkpoint' | 'text' | 'estimate';
  /** Columns of text in files of rows. */
  readonly columns: Division['columns'];
  readonly notices: readonly string[];
}

export interface NamedDocuments {
  readonly count: number;
  readonly titles: readonly string[];
}

export interface PreviewOptions {
  /** Of the checkpoint's models, where they are here. */
  readonly tokenizers?: readonly TextTokenizer[] | undefined;
  readonly from?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((detail: string, fraction: number) => void) | undefined;
}

const MOST_DOCUMENTS = 200;
const MOST_CHARACTERS = 200_000;
const MOST_DOCUMENT_CHARACTERS = 20_000;
const MOST_NAMED = 20;
/** A vocabulary is made for the preview of texts up to this long; the counts of longer ones are estimated. */
const LONGEST_FOR_VOCABULARY = 400_000;
/** What "passage: " and the end token take of a row, about. */
const ESTIMATED_MARKS = 6;

/**
 * Divides and cuts a text as a run would, without anything of a run.
 * @throws CorpusError as divideText and cutDocuments; SettingError where chunks have no room for text.
 */
export async function previewText(
  given: GivenText,
  configuration: Configuration,
  { tokenizers, from = 0, signal, onProgress }: PreviewOptions = {},
): Promise<TextPreview> {
  const { documentUnit: unit, column } = configuration;
  const report = (detail: string) => (fraction: number) => onProgress?.(detail, fraction);
  const division = await divideText(given, { unit, column, signal, onProgress: report('Reading the text') });
  const counting = await countingFor(division, configuration, { tokenizers, signal, onProgress });
  const corpus = await cutDocuments(division.documents, {
    ...counting,
    isFitted: isFitted(configuration),
    notices: division.notices,
    signal,
    onProgress: report('Cutting the text into chunks'),
  });
  const { documents, chunks, chunkTokens } = corpus;
  const alone = documents.filter((document) => !hasPartner(document));
  return {
    unit: division.unit,
    isGuessed: division.isGuessed,
    units: division.units,
    documentCount: documents.length,
    chunkCount: chunks.length,
    partneredChunks: chunks.length - alone.reduce((sum, { chunkCount }) => sum + chunkCount, 0),
    heldOutDocuments: heldOutDocuments(corpus, configuration.chunks),
    from,
    documents: shownDocuments(division, corpus, from, counting.countTokens),
    alone: named(alone),
    copies: named(documents.filter(({ copyOf }) => copyOf !== undefined)),
    chunkTokens,
    isLengthChosen: isFitted(configuration),
    countedIn: counting.countedIn,
    columns: division.columns,
    notices: corpus.notices.map(({ message }) => message),
  };
}

function named(documents: readonly CorpusDocument[]): NamedDocuments {
  return { count: documents.length, titles: documents.slice(0, MOST_NAMED).map(({ title }) => title) };
}

type Counting = Pick<CorpusOptions, 'maxTokens' | 'countTokens'> & { readonly countedIn: TextPreview['countedIn'] };

async function countingFor(
  { documents }: Division,
  configuration: Configuration,
  { tokenizers, signal, onProgress }: Omit<PreviewOptions, 'from'>,
): Promise<Counting> {
  const countedBy = (found: readonly TextTokenizer[], countedIn: Counting['countedIn']): Counting => ({
    maxTokens: chunkLength(configuration, found),
    countTokens: tokensInAll(found),
    countedIn,
  });
  if (tokenizers) return countedBy(tokenizers, 'checkpoint');
  const characters = documents.reduce(
    (sum, { paragraphs }) => paragraphs.reduce((all, text) => all + text.length, sum),
    0,
  );
  if (configuration.base === 'scratch' && characters <= LONGEST_FOR_VOCABULARY)
    return countedBy(
      [await trainTokenizer(configuration, documents, { signal, ...(onProgress && { onProgress }) })],
      'text',
    );
  const maxTokens = Math.max(configuration.chunkTokens - ESTIMATED_MARKS, configuration.chunkTokens >> 1);
  return { maxTokens: Math.max(8, maxTokens), countTokens: estimateTokens, countedIn: 'estimate' };
}

function shownDocuments(division: Division, corpus: Corpus, from: number, count: TokenCounter): DocumentPreview[] {
  const shown: DocumentPreview[] = [];
  let room = MOST_CHARACTERS;
  for (let number = from; number < corpus.documents.length && shown.length < MOST_DOCUMENTS && room > 0; number++) {
    const document = shownDocument(division, corpus, number, count);
    room -= document.text.length;
    shown.push(document);
  }
  return shown;
}

function shownDocument(
  division: Division,
  { documents, chunks }: Corpus,
  number: number,
  count: TokenCounter,
): DocumentPreview {
  const document = documents[number];
  const source = document && division.documents[document.source];
  if (!document || !source) throw new Error(`There is no document ${number}.`);
  const joined = joinedParagraphs(source.paragraphs, MOST_DOCUMENT_CHARACTERS);
  const places = new Map(source.places.map(({ paragraph, at }) => [paragraph, at]));
  const stretches: { start: number; end: number; tokens: number }[] = [];
  let end = 0;
  for (const { text } of chunks.slice(document.firstChunk, document.firstChunk + document.chunkCount)) {
    const start = joined.text.indexOf(text, end);
    if (start < 0) break;
    end = start + text.length;
    stretches.push({ start, end, tokens: count(text) });
  }
  return {
    document: number,
    title: document.title,
    file: source.file,
    text: joined.text.slice(0, end),
    paragraphs: joined.starts.flatMap((start, i) => (start < end ? [{ start, at: places.get(i) }] : [])),
    chunks: stretches,
    chunkCount: document.chunkCount,
    hasPartner: hasPartner(document),
    copyOf: document.copyOf,
  };
}

/** Paragraphs as they are cut: white space of any kind is one space. */
function joinedParagraphs(paragraphs: readonly string[], most: number): { text: string; starts: number[] } {
  const starts: number[] = [];
  let text = '';
  for (const paragraph of paragraphs) {
    if (text.length >= most) break;
    const piece = paragraph
      .slice(0, 2 * most)
      .replace(/\s+/g, ' ')
      .trim();
    if (text !== '') text += ' ';
    starts.push(text.length);
    text += piece;
  }
  return { text: text.slice(0, most), starts };
}
