import { firstOf } from '../../base/lists.ts';
import { pacer } from '../../corpus/pacer.ts';
import { segments } from '../../corpus/segments.ts';
import type { DividedDocument } from '../../corpus/sources/division/documents.ts';
import { openingWords, wordCount } from '../../corpus/sources/division/words.ts';
import { CollectionError } from '../errors.ts';
import { MOST_DOCUMENTS, type LabelledCollection, type LabelledDocument, type LabelledQuery } from './collection.ts';

export interface OwnTextOptions {
  /** What the text is called. */
  readonly title: string;
  /** Names of its files: a document that is only called by one has no heading. */
  readonly fileNames?: readonly string[];
  readonly mostDocuments?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A query of fewer words asks for nothing; a rest of fewer tells nothing. */
const LEAST_QUERY_WORDS = 2;
const LEAST_REST_WORDS = 8;

type QuerySource = 'heading' | 'sentence';

interface Question {
  readonly text: string;
  readonly from: QuerySource;
  /** The document without what is asked with. */
  readonly rest: string;
}

/**
 * Queries for a text that nobody has judged: a document's heading, or, where it has none, its first sentence, asks for the rest of that
 * document, from which it is taken away. Several documents with one heading are not asked for by it, and what is too short to ask or to be
 * found is not asked for; all documents stay to be found. Documents whose rest is the same are all relevant.
 * @throws CollectionError where fewer than two documents can be asked for, or there are too many; CorpusError `aborted`
 */
export async function collectionOfText(
  documents: readonly DividedDocument[],
  { title, fileNames = [], mostDocuments = MOST_DOCUMENTS, signal }: OwnTextOptions,
): Promise<LabelledCollection> {
  if (documents.length > mostDocuments)
    throw new CollectionError(
      `${title} has ${documents.length.toLocaleString('en-US')} documents; at most ${mostDocuments.toLocaleString('en-US')} are read. Choose a larger unit, or a part of it.`,
    );
  const pause = pacer(signal, 'Making queries');
  const names = new Set(fileNames.map((name) => name.slice(name.lastIndexOf('/') + 1)));
  const questions: Question[] = [];
  for (const document of documents) {
    await pause();
    questions.push(questionOf(document, names));
  }
  const times = countOf(questions.map(({ text }) => text));
  const found = questions.map(({ rest }, i): LabelledDocument => ({ id: String(i + 1), title: '', text: rest }));
  const sameRest = groupsOf(found);
  const queries: (LabelledQuery & { readonly from: QuerySource })[] = [];
  const qrels = new Map<string, Map<string, number>>();
  for (const [i, { text, from, rest }] of questions.entries()) {
    if (times.get(text) !== 1 || wordCount(text) < LEAST_QUERY_WORDS || wordCount(rest) < LEAST_REST_WORDS) continue;
    const id = String(i + 1);
    queries.push({ id, text, from });
    qrels.set(id, new Map((sameRest.get(rest) ?? [id]).map((one) => [one, 1])));
  }
  if (queries.length < 2)
    throw new CollectionError(
      `${title} has too little to ask for: a document needs a heading or first sentence of its own, and ${LEAST_REST_WORDS} words after it. Take a longer text, or another unit for documents.`,
    );
  return {
    title,
    documents: found,
    queries: queries.map(({ id, text }) => ({ id, text })),
    qrels,
    notices: [
      noticeOf(
        queries.map(({ from }) => from),
        documents.length,
      ),
    ],
  };
}

function noticeOf(from: readonly QuerySource[], documents: number): string {
  const count = (source: QuerySource): number => from.filter((one) => one === source).length;
  const parts = [
    ...(count('heading') > 0 ? [`${count('heading')} headings`] : []),
    ...(count('sentence') > 0 ? [`${count('sentence')} first sentences`] : []),
  ];
  const rest = documents - from.length;
  const unasked = rest > 0 ? ` ${rest} of ${documents} documents are asked for by none.` : '';
  return `Nobody has judged this text. Queries are ${firstOf(parts, 2)}, each taken out of its document, whose rest is to be found: another document on the same thing counts as wrong.${unasked}`;
}

function questionOf({ title, paragraphs }: DividedDocument, fileNames: ReadonlySet<string>): Question {
  const [first = '', ...others] = paragraphs;
  const isHeading = title !== '' && !fileNames.has(title) && !title.endsWith(openingWords(first));
  if (isHeading) return { text: oneLine(title.replaceAll(' · ', ' ')), from: 'heading', rest: restOf(paragraphs) };
  const [sentence = ''] = segments(first, 'sentence');
  return { text: oneLine(sentence), from: 'sentence', rest: restOf([first.slice(sentence.length), ...others]) };
}

function restOf(paragraphs: readonly string[]): string {
  return paragraphs
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '')
    .join('\n\n');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function countOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Ids of the documents of each text. */
function groupsOf(documents: readonly LabelledDocument[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { id, text } of documents) {
    const group = groups.get(text);
    if (group) group.push(id);
    else groups.set(text, [id]);
  }
  return groups;
}
