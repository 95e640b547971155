/** Judged documents of a query: id → label. Labels of 1 and more are relevant; 0 and less are not. */
export type Labels = ReadonlyMap<string, number>;

/** Judgements of a collection, by the query's id. */
export type Qrels = ReadonlyMap<string, Labels>;

/** A document that a system found, and how well it fits the query: higher is better, in whatever unit. */
export interface FoundDocument {
  readonly id: string;
  readonly score: number;
}

/**
 * What a system found, by the query's id: TREC's run. Each document stands in a list once; the lists of what systems here make are in
 * the order of measures/order.ts, those of files in any.
 */
export type Rankings = ReadonlyMap<string, readonly FoundDocument[]>;
