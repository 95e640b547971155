import type { GivenText } from '../../corpus/given.ts';
import type { TextPart } from '../../retrieval/matches.ts';
import type { Combination } from '../../evaluation/systems/combined.ts';
import type { Configuration } from '../../settings/configuration.ts';
import type { ChosenFile } from './chosenFile.ts';

export type { TextPart } from '../../retrieval/matches.ts';
export type { Combination } from '../../evaluation/systems/combined.ts';

/** Where a labelled collection comes from. */
export type CollectionSource =
  | { readonly from: 'builtIn'; readonly id: string }
  /** In BEIR's layout: a folder's files, or a zip file. `split`: which judgements are read where there are several. */
  | { readonly from: 'files'; readonly files: readonly ChosenFile[]; readonly split?: string }
  /** A text of the reader's own, divided into documents as the configuration has it; nobody has judged it. */
  | {
      readonly from: 'text';
      readonly text: GivenText;
      readonly title: string;
      readonly configuration: Configuration;
    };

/** The collection that is open. */
export interface CollectionView {
  readonly title: string;
  readonly from: CollectionSource['from'];
  /** Of a built-in one. */
  readonly id: string | undefined;
  readonly documents: number;
  /** Queries that are judged; those without a relevant document are left out of means. */
  readonly queries: number;
  readonly notices: readonly string[];
}

/** BM25's constants. */
export interface Bm25View {
  readonly k1: number;
  readonly b: number;
}

/** What makes vectors: the retriever of the run that is open, as it is or as it was before its first step, or the encoder that is open. */
export type DenseName = 'run' | 'untrained' | 'encoder';

/** A system to be measured. */
export type SystemRequest =
  | ({ readonly name: 'bm25' } & Bm25View)
  | { readonly name: 'tfidf' }
  | { readonly name: DenseName }
  | ({ readonly name: Combination; readonly of: DenseName } & Bm25View);

/** What is under way, and the share of it that is done. */
export interface EvaluationProgress {
  readonly detail: string;
  /** 0 to 1. */
  readonly fraction: number;
}

/** A measure, and what it is in words. */
export interface MeasureView {
  readonly name: string;
  readonly words: string;
}

/** A system beside the one that all are compared with. */
export interface ComparisonView {
  /** Mean of the system less that of the reference. */
  readonly difference: number;
  /** Queries on which it is better, worse and the same. */
  readonly better: number;
  readonly worse: number;
  readonly same: number;
  /** Of the sign-flip test, corrected for all comparisons of the table (Holm). */
  readonly p: number;
  /** Of the paired t test, corrected likewise. */
  readonly pOfT: number;
  readonly verdict: 'better' | 'worse' | 'no difference';
}

/** A system that was measured. */
export interface SystemView {
  readonly id: string;
  readonly words: string;
  /** Updates that its retriever had made; undefined where there is none. */
  readonly step: number | undefined;
  /** Means by the measures' names; undefined where no query counts. */
  readonly means: Readonly<Record<string, number | undefined>>;
  /** Where they lie in 95 of 100 collections of such queries. */
  readonly intervals: Readonly<Record<string, readonly [number, number] | undefined>>;
  readonly seconds: number;
  readonly notices: readonly string[];
  /** Undefined for the reference itself. */
  readonly comparison: ComparisonView | undefined;
}

/** All systems measured on the collection that is open, in the order in which they were. */
export interface EvaluationTable {
  readonly collection: CollectionView;
  readonly measures: readonly MeasureView[];
  /** The measure by which systems are compared. */
  readonly measure: string;
  /** The system that all are compared with; undefined where none is measured yet. */
  readonly reference: string | undefined;
  /** Queries that the means are over. */
  readonly queries: number;
  readonly systems: readonly SystemView[];
  /** How signs were flipped: "all choices of signs". */
  readonly signs: string;
}

/** Which queries are listed: all, or those on which a system loses or wins against the reference. */
export type QueryFilter = 'all' | 'losses' | 'wins';

/** A query, and how well each system does on it. */
export interface QueryRowView {
  readonly query: string;
  readonly text: string;
  /** One for each system of the table, in its order. */
  readonly values: readonly number[];
  /** Of the system less the reference. */
  readonly difference: number;
}

/** A page of queries, those on which the system loses most against the reference first; of wins, those that it gains most on. */
export interface QueryPage {
  readonly rows: readonly QueryRowView[];
  /** Rows of the filter in all, and where the page begins among them. */
  readonly total: number;
  readonly from: number;
  readonly counts: Readonly<Record<QueryFilter, number>>;
}

/** A document in a list. */
export interface ListedDocument {
  readonly id: string;
  readonly title: readonly TextPart[];
  readonly text: readonly TextPart[];
  readonly score: number;
  /** Undefined where nobody judged it. */
  readonly label: number | undefined;
}

export interface RankedListView {
  readonly system: string;
  /** The first of them. */
  readonly documents: readonly ListedDocument[];
  /** How many there are. */
  readonly found: number;
}

/** A relevant document of a query, and where it stands in the list of each system asked for; undefined where it is in none. */
export interface RelevantDocument {
  readonly id: string;
  readonly label: number;
  readonly title: readonly TextPart[];
  readonly text: readonly TextPart[];
  readonly ranks: readonly (number | undefined)[];
}

/** The lists of some systems for one query. Marked are words that the query has, too. */
export interface RankedListsView {
  readonly query: string;
  readonly text: string;
  readonly lists: readonly RankedListView[];
  readonly relevant: readonly RelevantDocument[];
}

/** What can be had as a file: a system's rankings and the judgements as TREC has them, all queries, all figures. */
export type EvaluationFile =
  | { readonly what: 'run'; readonly system: string }
  | { readonly what: 'qrels' }
  | { readonly what: 'queries'; readonly system: string }
  | { readonly what: 'systems' };
