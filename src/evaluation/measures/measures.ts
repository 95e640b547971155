import { BadInputError } from '../../base/errors.ts';
import type { Labels } from '../types.ts';

/** A number between 0 and 1 for each query. */
export interface Measure {
  /** As in tables and files: `ndcg@10`, `map`, `recall(rel=2)@100`. */
  readonly name: string;
  /** How far down a list it looks; Infinity for all of it. */
  readonly cut: number;
  /** @param ranked ids of documents, best first; those that are not judged keep their rank and are not relevant. */
  readonly of: (ranked: readonly string[], labels: Labels) => number;
}

/** A measure that there is not. */
export class MeasureError extends BadInputError {
  override readonly name = 'MeasureError';
}

interface Terms {
  /** How far down the list is looked. */
  readonly cut: number;
  /** Least label that is relevant. */
  readonly level: number;
}

type Formula = (ranked: readonly string[], labels: Labels, terms: Terms) => number;

interface Definition {
  readonly formula: Formula;
  readonly cut: 'needed' | 'possible' | 'none';
  readonly words: string;
}

/** The definitions of trec_eval 9, by their names here. A query without a relevant document has 0 in all of them. */
const DEFINITIONS: Readonly<Record<string, Definition>> = {
  ndcg: { formula: ndcg, cut: 'possible', words: 'nDCG, linear gain' },
  mrr: { formula: reciprocalRank, cut: 'possible', words: 'reciprocal rank' },
  map: { formula: averagePrecision, cut: 'possible', words: 'average precision' },
  recall: {
    formula: (ranked, labels, terms) => share(hits(ranked, labels, terms), relevantCount(labels, terms)),
    cut: 'needed',
    words: 'recall',
  },
  precision: {
    formula: (ranked, labels, terms) => hits(ranked, labels, terms) / terms.cut,
    cut: 'needed',
    words: 'precision',
  },
  success: {
    formula: (ranked, labels, terms) => Math.min(1, hits(ranked, labels, terms)),
    cut: 'needed',
    words: 'success',
  },
  rprec: {
    formula: (ranked, labels, { level }) => {
      const cut = relevantCount(labels, { level });
      return share(hits(ranked, labels, { cut, level }), cut);
    },
    cut: 'none',
    words: 'precision at the number of relevant documents',
  },
  judged: {
    formula: (ranked, labels, { cut }) => {
      const seen = ranked.slice(0, cut);
      return share(seen.filter((id) => labels.has(id)).length, seen.length);
    },
    cut: 'needed',
    words: 'share of what was found that is judged',
  },
};

/** What is told of a system where nobody says what. */
export const USUAL_MEASURES = [
  'ndcg@10',
  'mrr@10',
  'map',
  'recall@10',
  'recall@100',
  'precision@10',
  'success@1',
] as const;

/** @throws MeasureError for a name that is none, with those that there are. */
export function measure(name: string): Measure {
  const [, kind = '', level = '1', cut] = /^([a-z]+)(?:\(rel=(\d{1,4})\))?(?:@(\d{1,6}))?$/.exec(name) ?? [];
  const definition = Object.hasOwn(DEFINITIONS, kind) ? DEFINITIONS[kind] : undefined;
  if (!definition || Number(level) < 1 || Number(cut ?? 1) < 1)
    throw new MeasureError(
      `There is no measure ${name || '“”'}. There are ${Object.entries(DEFINITIONS).map(nameOf).join(', ')}.`,
    );
  if (definition.cut === 'needed' && cut === undefined) throw new MeasureError(`${name} needs a rank: ${kind}@10.`);
  if (definition.cut === 'none' && cut !== undefined) throw new MeasureError(`${kind} takes no rank.`);
  const terms = { cut: cut === undefined ? Infinity : Number(cut), level: Number(level) };
  return { name, cut: terms.cut, of: (ranked, labels) => definition.formula(ranked, labels, terms) };
}

function nameOf([kind, { cut }]: readonly [string, Definition]): string {
  return cut === 'needed' ? `${kind}@K` : cut === 'possible' ? `${kind} and ${kind}@K` : kind;
}

/** What a measure is, in words for people: "nDCG, linear gain, of the first 10". */
export function measureWords(name: string): string {
  const [, kind = '', , cut] = /^([a-z]+)(\(.*\))?(?:@(\d+))?$/.exec(name) ?? [];
  const words = DEFINITIONS[kind]?.words ?? name;
  return cut === undefined ? words : `${words}, of the first ${cut}`;
}

function isRelevant(labels: Labels, id: string, level: number): boolean {
  return (labels.get(id) ?? 0) >= level;
}

function relevantCount(labels: Labels, { level }: Pick<Terms, 'level'>): number {
  let count = 0;
  for (const label of labels.values()) if (label >= level) count++;
  return count;
}

/** Relevant documents among the first `cut`. */
function hits(ranked: readonly string[], labels: Labels, { cut, level }: Terms): number {
  return ranked.slice(0, cut).filter((id) => isRelevant(labels, id, level)).length;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/**
 * DCG / ideal DCG, DCG = Σ gain / log2(rank + 1): the gain is the label itself, 0 for those below 1. The ideal order is of all judged
 * documents, retrieved or not. (Järvelin and Kekäläinen 2002, in trec_eval's form.)
 */
function ndcg(ranked: readonly string[], labels: Labels, { cut }: Terms): number {
  const gains = (values: readonly number[]): number =>
    values.slice(0, cut).reduce((sum, label, i) => (label > 0 ? sum + label / Math.log2(i + 2) : sum), 0);
  return share(gains(ranked.map((id) => labels.get(id) ?? 0)), gains([...labels.values()].sort((a, b) => b - a)));
}

/** 1 / rank of the first relevant document, 0 where there is none among the first `cut`. */
function reciprocalRank(ranked: readonly string[], labels: Labels, { cut, level }: Terms): number {
  const place = ranked.findIndex((id) => isRelevant(labels, id, level));
  return place < 0 || place >= cut ? 0 : 1 / (place + 1);
}

/** Σ of the precision at each relevant document among the first `cut`, over all that are relevant, retrieved or not. */
function averagePrecision(ranked: readonly string[], labels: Labels, { cut, level }: Terms): number {
  let found = 0;
  let sum = 0;
  for (const [i, id] of ranked.slice(0, cut).entries())
    if (isRelevant(labels, id, level)) {
      found++;
      sum += found / (i + 1);
    }
  return share(sum, relevantCount(labels, { level }));
}
