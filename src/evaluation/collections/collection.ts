import type { Qrels } from '../types.ts';

/** A text that may be found. */
export interface LabelledDocument {
  readonly id: string;
  /** '' where it has none. */
  readonly title: string;
  readonly text: string;
}

/** A text that is searched with. */
export interface LabelledQuery {
  readonly id: string;
  readonly text: string;
}

/** Documents, queries, and which documents are relevant to which query. */
export interface LabelledCollection {
  readonly title: string;
  readonly documents: readonly LabelledDocument[];
  /** Those that are judged, in the order of their file. */
  readonly queries: readonly LabelledQuery[];
  readonly qrels: Qrels;
  /** What should be known before its figures are read: empty documents, labels of documents that are not there … */
  readonly notices: readonly string[];
}

/** More documents than this are refused unless somebody says otherwise. */
export const MOST_DOCUMENTS = 20_000;

/** What of a document is searched: title and text joined, as BEIR and MTEB join them. '' where it has neither. */
export function documentText({ title, text }: LabelledDocument): string {
  return `${title} ${text}`.trim();
}
