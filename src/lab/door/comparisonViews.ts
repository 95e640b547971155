import type { Budget } from '../../run/comparison/definition.ts';
import type { MeanCurve } from '../../run/comparison/summary.ts';

export type { Budget } from '../../run/comparison/definition.ts';
export type { MeanCurve } from '../../run/comparison/summary.ts';

/** What a comparison may spend on each of its runs, and what its curves are drawn by. */
export const COMPARISON_AXES = ['steps', 'flops', 'chunks', 'seconds'] as const satisfies readonly Budget[];

/** What a comparison would be, before anything runs. */
export interface ComparisonPlan {
  readonly title: string;
  readonly contenders: readonly string[];
  /** Those that choose learning rates among them. */
  readonly runs: number;
  /** Operations of all runs; undefined where only the time is known. */
  readonly flops: number | undefined;
  /** All this in a sentence. */
  readonly words: string;
}

/** One that this browser keeps. */
export interface ComparisonEntry {
  readonly id: string;
  readonly title: string;
  /** ms since 1970; undefined for one that is damaged. */
  readonly begun: number | undefined;
  readonly done: number;
  readonly of: number;
  readonly isRunning: boolean;
  /** Whether runs are missing and could be made. */
  readonly canGoOn: boolean;
}

/** A table where all have spent the same. */
export interface ComparisonTableView {
  readonly axis: Budget;
  readonly head: readonly string[];
  readonly rows: readonly {
    readonly name: string;
    readonly cells: readonly string[];
    /** What its tests say, in words. */
    readonly verdict: string;
  }[];
  readonly notes: readonly string[];
}

/** A comparison as far as it has come. */
export interface ComparisonReport {
  readonly id: string;
  readonly title: string;
  /** What it is judged by. */
  readonly score: string;
  readonly done: number;
  readonly of: number;
  /** What the budget is counted in. */
  readonly budget: Budget;
  /** That of the budget first; empty before the first run that is reported. */
  readonly tables: readonly ComparisonTableView[];
  readonly curves: readonly MeanCurve[];
  /** Other systems on the same collection. */
  readonly beside: readonly { readonly name: string; readonly value: number }[];
}

export interface ComparisonProgress {
  readonly id: string;
  /** The run under way, of so many. */
  readonly number: number;
  readonly of: number;
  readonly contender: string;
  readonly seed: number;
  readonly learningRate: number;
  /** Whether it chooses a learning rate, and is not reported. */
  readonly isChoosing: boolean;
  /** Of its budget. */
  readonly share: number;
  /** How it was judged last. */
  readonly score: number | undefined;
  /** When a run has ended: how all stand. */
  readonly report?: ComparisonReport;
}
