import type {
  ComparisonView,
  DenseName,
  RelevantDocument,
  SystemRequest,
  SystemView,
} from '../../../lab/door/evaluationViews.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { whole } from '../../components/format.ts';

/** Three digits, as tables of retrieval have them: ".610", "1.000". */
export function share(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  return value
    .toFixed(3)
    .replace(/^(-?)0\./, '$1.')
    .replace('-', '−');
}

/** The same with its sign: "+.042". */
export function signed(value: number): string {
  const text = share(Math.abs(value));
  return /^[.0]+$/.test(text) ? text : `${value < 0 ? '−' : '+'}${text}`;
}

/** "nDCG@10" for `ndcg@10`: as the field writes it. */
export function measureName(name: string): string {
  const known: Readonly<Record<string, string>> = { ndcg: 'nDCG', mrr: 'MRR', map: 'MAP' };
  const [kind = '', cut] = name.split('@');
  return `${known[kind] ?? kind}${cut === undefined ? '' : `@${cut}`}`;
}

/** ".55 to .67". */
export function intervalWords(interval: readonly [number, number] | undefined): string {
  return interval ? `${share(interval[0])} to ${share(interval[1])}` : '';
}

/** "1 query", "175 queries". */
export function queryCount(queries: number): string {
  return `${whole(queries)} ${queries === 1 ? 'query' : 'queries'}`;
}

export function chance(p: number): string {
  return p < 0.001 ? 'p < .001' : `p ${share(p)}`;
}

/** "better than bm25: 30 queries better, 12 worse (p .003)"; better or worse only where the test says so. */
export function verdictWords(
  { verdict, better, worse, p }: ComparisonView,
  reference: string,
  queries: number,
): string {
  if (better + worse === 0) return `the same as ${reference} on all ${queryCount(queries)}`;
  const counts = `${better} better, ${worse} worse`;
  if (verdict === 'no difference')
    return `no difference to ${reference} that ${queryCount(queries)} can show: ${counts} (${chance(p)})`;
  return `${verdict} than ${reference}: ${counts} of ${queryCount(queries)} (${chance(p)})`;
}

/** "0.3 s", "12 s", "4 min". */
export function seconds(value: number): string {
  return value < 0.95
    ? `${value.toFixed(1)} s`
    : value < 100
      ? `${value.toFixed(0)} s`
      : `${Math.round(value / 60)} min`;
}

/** Where a relevant document stands in each of some lists: "rank 1 in bm25, not found by step-20". */
export function rankWords({ ranks }: Pick<RelevantDocument, 'ranks'>, systems: readonly string[]): string {
  return systems
    .map((system, i) => (ranks[i] === undefined ? `not found by ${system}` : `rank ${ranks[i]} by ${system}`))
    .join(', ');
}

/** What dropped files are: a collection, rankings of other programs for the one that is open, or neither. */
export function kindOf(files: readonly Pick<PathFile, 'path'>[]): 'collection' | 'rankings' {
  const isPart = ({ path }: Pick<PathFile, 'path'>): boolean => /\.zip$|(^|\/)(corpus|queries)\.jsonl$/i.test(path);
  return files.some(isPart) ? 'collection' : 'rankings';
}

/** The files of a collection among those of a folder: what else lies there is none of it. */
export function collectionFiles<T extends Pick<PathFile, 'path'>>(files: readonly T[]): T[] {
  return files.filter(({ path }) => !/(^|\/)(\.|__MACOSX)/.test(path));
}

/** What is chosen in the form, as the lab is asked for it. */
export interface WantedSystems {
  readonly names: ReadonlySet<SystemRequest['name']>;
  readonly k1: number;
  readonly b: number;
  /** What hybrids and feedback stand on. */
  readonly of: DenseName;
}

/** In the order in which they stand in the table. */
export const SYSTEM_NAMES = [
  'bm25',
  'tfidf',
  'untrained',
  'run',
  'encoder',
  'hybrid',
  'rrf',
  'prf-average',
  'prf-rocchio',
  'adapter',
] as const satisfies readonly SystemRequest['name'][];

export function requestsOf({ names, k1, b, of }: WantedSystems): SystemRequest[] {
  return SYSTEM_NAMES.filter((name) => names.has(name)).map((name): SystemRequest => {
    switch (name) {
      case 'bm25':
        return { name, k1, b };
      case 'tfidf':
      case 'untrained':
      case 'run':
      case 'encoder':
        return { name };
      default:
        return { name, of, k1, b };
    }
  });
}

/** The best systems of a query: those with its highest value, unless all are alike. */
export function bestOf(values: readonly number[]): ReadonlySet<number> {
  const most = Math.max(...values);
  const best = values.flatMap((value, i) => (value === most ? [i] : []));
  return new Set(best.length === values.length ? [] : best);
}

/** The system whose queries are looked at first: the one that was measured last and is not the reference. */
export function lastBeside(
  systems: readonly Pick<SystemView, 'id'>[],
  reference: string | undefined,
): string | undefined {
  return systems.findLast(({ id }) => id !== reference)?.id;
}
