import text from './goldens/metrics.json?raw';
import type { FoundDocument, Labels, Qrels, Rankings } from '../../src/evaluation/types.ts';

type Numbers = Readonly<Record<string, number>>;

/** What other programs say of one set of rankings. */
export interface GoldenCase {
  readonly name: string;
  readonly qrels: Readonly<Record<string, Numbers>>;
  readonly run: Readonly<Record<string, Numbers>>;
  readonly expected: {
    readonly pytrec_eval_per_query: Readonly<Record<string, Numbers>>;
    readonly pytrec_eval_mean_over_run_and_qrels: Numbers;
    readonly ir_measures_mean_over_all_qrels: Numbers;
    readonly ir_measures_per_query: Readonly<Record<string, Numbers>>;
    readonly ir_measures_rel2?: Numbers;
    readonly beir?: Numbers;
  };
}

interface Goldens {
  readonly cases: readonly GoldenCase[];
  readonly files: {
    readonly 'run.txt': string;
    readonly 'qrels.txt': string;
    readonly expected: { readonly ir_measures_per_query: GoldenCase['run'] };
    readonly duplicate_document_in_run: { readonly 'run.txt': string; readonly ir_measures: string };
  };
  readonly significance: {
    readonly a: readonly number[];
    readonly b: readonly number[];
    readonly mean_difference: number;
    readonly paired_t: { readonly t: number; readonly df: number; readonly p_two_sided: number };
    readonly exact_sign_flip_permutation: {
      readonly assignments: number;
      readonly as_or_more_extreme: number;
      readonly p_two_sided: number;
    };
    readonly effect_size_d_over_sd: number;
    readonly t_ci95: readonly [number, number];
    readonly holm: { readonly p: readonly number[]; readonly adjusted: readonly number[] };
    readonly student_t_two_sided: readonly { readonly t: number; readonly df: number; readonly p: number }[];
  };
}

/** An object of JavaScript has keys that are whole numbers first; here the order of documents in a run counts. */
const KEPT = '·';
const golden = JSON.parse(text.replace(/"(\d+)":/g, `"${KEPT}$1":`)) as Goldens;
const keyOf = (key: string): string => key.replace(KEPT, '');

export const GOLDEN_CASES = golden.cases;
export const GOLDEN_FILES = golden.files;
export const GOLDEN_SIGNIFICANCE = golden.significance;

export function qrelsOf(json: GoldenCase['qrels']): Qrels {
  return new Map(Object.entries(json).map(([query, labels]) => [keyOf(query), labelsOf(labels)]));
}

export function rankingsOf(json: GoldenCase['run']): Rankings {
  return new Map(Object.entries(json).map(([query, found]) => [keyOf(query), foundOf(found)]));
}

function labelsOf(labels: Numbers): Labels {
  return new Map(Object.entries(labels).map(([id, label]) => [keyOf(id), label]));
}

function foundOf(found: Numbers): FoundDocument[] {
  return Object.entries(found).map(([id, score]) => ({ id: keyOf(id), score }));
}

export const NO_LABELS: Labels = new Map();
