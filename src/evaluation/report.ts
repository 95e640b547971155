import { tsvLine } from '../files/formats/embeddingFiles.ts';
import type { LabelledCollection } from './collections/collection.ts';
import { compareSystems, queryRows, type ScoredSystem, type SystemComparison } from './comparison.ts';
import type { Measure } from './measures/measures.ts';
import { bootstrapInterval } from './significance/bootstrap.ts';

/** A system that was measured. */
export interface EvaluatedSystem extends ScoredSystem {
  /** "BM25, k1 0.9, b 0.4". */
  readonly words: string;
  /** Seconds that its rankings took. */
  readonly seconds: number;
  /** The sparse system's weight in each fold, where weights were chosen. */
  readonly weights?: readonly number[] | undefined;
}

/** What was measured, to be told. */
export interface Evaluated {
  readonly collection: LabelledCollection;
  readonly systems: readonly EvaluatedSystem[];
  /** The first is the one by which systems are compared. */
  readonly measures: readonly Measure[];
  readonly seed: number;
}

/** Comparisons of all systems with the first, in their order. */
export function comparisonsOf({ systems, measures, seed }: Evaluated): SystemComparison[] {
  const [first, ...others] = systems;
  const [measure] = measures;
  return first && measure ? compareSystems(first, others, measure.name, seed) : [];
}

/** A system a line, as plain objects. */
export function evaluationJson(evaluated: Evaluated): Record<string, unknown>[] {
  const compared = new Map(comparisonsOf(evaluated).map((one) => [one.system, one]));
  return evaluated.systems.map((system) => {
    const { id, words, scores, seconds, weights } = system;
    const { convention, queries, missing, withoutRelevant, unjudged, means } = scores;
    const intervals = evaluated.measures.map(({ name }) => [name, intervalOf(system, name, evaluated.seed)]);
    const comparison = compared.get(id);
    return {
      system: id,
      queries: queries.length,
      metrics: Object.fromEntries(means),
      intervals95: Object.fromEntries(intervals) as unknown,
      words,
      collection: evaluated.collection.title,
      documents: evaluated.collection.documents.length,
      convention,
      missing,
      withoutRelevant,
      unjudged,
      seconds,
      ...(weights && { weights }),
      ...(comparison && { comparison: comparisonJson(comparison) }),
    };
  });
}

function comparisonJson({ against, measure, difference, better, worse, same, signFlip, t }: SystemComparison) {
  return {
    against,
    measure,
    difference,
    better,
    worse,
    same,
    signFlip: { p: signFlip.p, holm: signFlip.corrected, choices: signFlip.choices, exact: signFlip.isExact },
    // NaN where nothing differs, which JSON has no word for.
    t: { p: t.p, holm: t.corrected, t: Number.isNaN(t.t) ? null : t.t, df: t.df, interval95: t.interval },
  };
}

/** Where the mean of a measure lies; undefined where no query counts. */
export function intervalOf(
  { scores }: ScoredSystem,
  measure: string,
  seed: number,
): readonly [number, number] | undefined {
  return bootstrapInterval(scores.perQuery.get(measure) ?? [], seed);
}

/** Every query with all systems' values, tab-separated: worst losses of the last against the first at the top. */
export function* perQueryText({ collection, systems, measures }: Evaluated): Generator<string, void, void> {
  const [measure] = measures;
  if (!measure) return;
  const texts = new Map(collection.queries.map(({ id, text }) => [id, text]));
  yield tsvLine(['query', ...systems.map(({ id }) => `${id} ${measure.name}`), 'difference', 'text']);
  for (const { query, values, difference } of queryRows(systems, measure.name))
    yield tsvLine([query, ...values, difference, (texts.get(query) ?? '').replace(/\s+/g, ' ')]);
}

/** Queries that a system's figures are not of, in words. */
export function leftOut({ id, scores: { missing, unjudged } }: ScoredSystem): string[] {
  return [
    ...(missing > 0 ? [`${id} has no list for ${missing} judged ${missing === 1 ? 'query' : 'queries'}.`] : []),
    ...(unjudged > 0 ? [`${id} has lists for ${unjudged} queries that nobody judged; they are passed over.`] : []),
  ];
}

/** How signs were flipped: "all choices of signs". */
export function signsWords(compared: readonly SystemComparison[]): string {
  const sampled = compared.filter(({ signFlip }) => !signFlip.isExact).length;
  const samples = compared.find(({ signFlip }) => !signFlip.isExact)?.signFlip.choices.toLocaleString('en-US');
  if (sampled === 0) return 'all choices of signs';
  return sampled === compared.length ? `${samples} choices of signs` : `all choices of signs, or ${samples}`;
}
