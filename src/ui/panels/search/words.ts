import type { DocumentStanding, SearchHit, SearchResult, SearchSide } from '../../../lab/door/views.ts';
import type { ChunkView } from '../../../run/record.ts';
import { count } from '../../components/format.ts';

/** Titles that name nothing: a search for them would be of no use. */
const NAMELESS = /^(pasted text|dropped text|the text|text|document|part|section|fact)?\s*\d*$/i;
const EXAMPLES = 4;
const EXAMPLE_WORDS = 7;

/** Queries to begin with: those that the corpus itself names, else titles of its documents, else the first words of its chunks. */
export function exampleQueries({
  queries = [],
  preview: chunks,
}: {
  readonly queries?: readonly string[];
  readonly preview: readonly ChunkView[];
}): string[] {
  if (queries.length > 0) return queries.slice(0, EXAMPLES);
  const titles = new Set(
    chunks.map(({ documentTitle }) => documentTitle.trim()).filter((title) => !NAMELESS.test(title)),
  );
  const beginnings = new Set(chunks.map(({ text }) => beginning(text)).filter((text) => text !== ''));
  const found = titles.size >= 2 ? titles : beginnings;
  return [...found].slice(0, EXAMPLES);
}

function beginning(text: string): string {
  return text
    .replace(/^[#>*\s-]+/, '')
    .split(/\s+/)
    .slice(0, EXAMPLE_WORDS)
    .join(' ')
    .replace(/[\s.,;:!?]+$/, '');
}

/** How a chunk stands in another ranking, seen from its rank in this one. */
export interface Move {
  /** Places gained by training: positive is up. */
  readonly places: number;
  readonly mark: '▲' | '▼' | '=';
  /** For those who do not see the mark: "rank 13 before training". */
  readonly words: string;
}

const OTHER = {
  after: { side: 'before', when: 'before training' },
  before: { side: 'after', when: 'after training' },
  bm25: { side: 'after', when: 'after training' },
  tfidf: { side: 'after', when: 'after training' },
} as const satisfies Record<SearchSide, { side: SearchSide; when: string }>;

/** Where a hit of one ranking stands in the ranking that it is set against; undefined when it has no rank there. */
export function moveOf(hit: SearchHit, side: SearchSide): Move | undefined {
  const here = hit.ranks[side];
  const { side: other, when } = OTHER[side];
  const there = hit.ranks[other];
  if (here === undefined || there === undefined) return undefined;
  // What training did to it, whichever column it stands in.
  const places = side === 'after' ? there - here : here - there;
  const mark = places > 0 ? '▲' : places < 0 ? '▼' : '=';
  return { places, mark, words: places === 0 ? `same rank ${when}` : `rank ${there} ${when}` };
}

/** Length of a score's bar, 0 to 1: cosines as they are, BM25 against the best of its column. */
export function barLength(score: number, side: SearchSide, hits: readonly SearchHit[]): number {
  const whole = side === 'bm25' ? Math.max(...hits.map((hit) => hit.score), 0) : 1;
  return whole > 0 ? Math.min(1, Math.max(0, score / whole)) : 0;
}

/** What each ranking is called within a sentence. */
const BY = [
  ['after', 'after training'],
  ['before', 'before training'],
  ['bm25', 'by BM25'],
  ['tfidf', 'by TF-IDF'],
] as const satisfies readonly (readonly [SearchSide, string])[];

/**
 * Where the first right answer stands in each ranking. What is right, the reader says by a click on a chunk; else the query says
 * it itself, where it is a title or a piece of the text. Undefined where nobody knows.
 */
export function firstRight(result: SearchResult, chosen: number | undefined): string | undefined {
  const document = chosen === undefined ? result.asked : documentOf(result, chosen);
  const standing = result.documents.find((one) => one.document === document);
  if (!standing) return undefined;
  const why = chosen === undefined ? 'which the query is of' : 'which you chose';
  return `The first chunk of “${standing.title}”, ${why}: ${places(standing)}.`;
}

function documentOf({ hits }: SearchResult, chunk: number): number | undefined {
  return Object.values(hits)
    .flat()
    .find((hit) => hit.chunk === chunk)?.document;
}

function places({ first }: DocumentStanding): string {
  return BY.map(([side, how]) => `${first[side] === undefined ? 'not found' : `rank ${first[side]}`} ${how}`).join(
    ', ',
  );
}

/**
 * What a search is among, beside what recall@1 on the charts is among: the two are not the same task. `batch`: chunks in a batch of
 * the run.
 */
export function amongWords(chunks: number, batch: number): string {
  return `This search ranks all ${count(chunks, 'chunk')}; recall@1 on the charts ranks the ${count(batch - 1, 'other')} of a batch, which is easier.`;
}
