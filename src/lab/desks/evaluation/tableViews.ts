import { queryRows, type QueryRow, type SystemComparison } from '../../../evaluation/comparison.ts';
import { measureWords, USUAL_MEASURES } from '../../../evaluation/measures/measures.ts';
import { signsWords } from '../../../evaluation/report.ts';
import type { ComparisonView, EvaluationTable, QueryFilter, QueryPage } from '../../door/evaluationViews.ts';
import type { CommandOf } from '../../door/protocol.ts';
import { measureOf, type OpenCollection } from './openCollection.ts';

/** By chance at most in one of twenty tables. */
const LEVEL = 0.05;

/** All systems beside the one that they are compared with, by one measure. @throws CollectionError for a measure that there is not */
export async function evaluationTable(
  open: OpenCollection,
  command: CommandOf<'evaluationTable'>,
  signal: AbortSignal,
): Promise<EvaluationTable> {
  const name = measureOf(command.measure);
  const reference = open.reference(command.reference);
  const comparisons = reference ? await open.compared(reference, name, signal) : [];
  const by = new Map(comparisons.map((one) => [one.system, comparisonView(one)]));
  return {
    collection: open.view,
    measures: USUAL_MEASURES.map((one) => ({ name: one, words: measureWords(one) })),
    measure: name,
    reference: reference?.id,
    queries: reference?.scores.queries.length ?? 0,
    systems: [...open.systems.values()].map(({ id, words, step, scores, intervals, seconds, notices }) => ({
      id,
      words,
      step,
      means: Object.fromEntries(scores.means),
      intervals,
      seconds,
      notices,
      comparison: by.get(id),
    })),
    signs: signsWords(comparisons),
  };
}

/** A page of the queries, worst losses of a system first. */
export function queryPage(open: OpenCollection, command: CommandOf<'evaluationQueries'>): QueryPage {
  const rows = rowsOf(open, command);
  const of = {
    all: rows,
    losses: rows.filter(({ difference }) => difference < 0),
    wins: rows.filter(({ difference }) => difference > 0).reverse(),
  } satisfies Record<QueryFilter, readonly QueryRow[]>;
  const chosen = of[command.filter];
  const texts = new Map(open.collection.queries.map(({ id, text }) => [id, text]));
  return {
    rows: chosen
      .slice(command.from, command.from + command.limit)
      .map((row) => ({ ...row, text: texts.get(row.query) ?? '' })),
    total: chosen.length,
    from: command.from,
    counts: { all: rows.length, losses: of.losses.length, wins: of.wins.length },
  };
}

/** All queries, with values in the order of the table, worst losses of a system against the reference first. */
function rowsOf(
  open: OpenCollection,
  { reference, system, measure: name }: CommandOf<'evaluationQueries'>,
): readonly QueryRow[] {
  const first = open.reference(reference);
  if (!first) return [];
  const all = [...open.systems.values()];
  const last = open.system(system);
  const order = queryRows([first, last], measureOf(name));
  const values = new Map(queryRows(all, measureOf(name)).map((row) => [row.query, row.values]));
  return order.map((row) => ({ ...row, values: values.get(row.query) ?? [] }));
}

function comparisonView({ difference, better, worse, same, signFlip, t }: SystemComparison): ComparisonView {
  const p = signFlip.corrected;
  const verdict = p >= LEVEL ? 'no difference' : difference > 0 ? 'better' : 'worse';
  return { difference, better, worse, same, p, pOfT: t.corrected, verdict };
}
