import {
  budgetOf,
  BUDGETS,
  contendersOf,
  type Budget,
  type ComparisonDefinition,
} from '../../../run/comparison/definition.ts';
import { tableNotes, tableRows, verdictText } from '../../../run/comparison/report.ts';
import type { ComparisonEvent } from '../../../run/comparison/runComparison.ts';
import type { ComparisonState } from '../../../run/comparison/state.ts';
import { comparedTable, meanCurves } from '../../../run/comparison/summary.ts';
import { CHOSEN_BY, trialCount } from '../../../run/comparison/trials.ts';
import { defaultConfiguration } from '../../../settings/configuration.ts';
import type { ComparisonProgress, ComparisonReport, ComparisonTableView } from '../../door/comparisonViews.ts';

/** Nothing lies beneath the settings of a definition but what every run has by default: so a file says all. */
export const BASE = defaultConfiguration();

/** Runs that a comparison has. */
export function countOf(definition: ComparisonDefinition): number {
  return trialCount(definition, contendersOf(definition, BASE));
}

/** What is told of an event, and of the run that it belongs to. */
export function toldOf(
  event: ComparisonEvent,
  id: string,
  score: string,
  before: ComparisonProgress | undefined,
): ComparisonProgress {
  const { contender, seed, learningRate, purpose } = event.type === 'result' ? event.result : event.trial;
  const isChoosing = purpose === 'choosing';
  const { number, of } = event.type === 'trial' ? event : (before ?? { number: 0, of: 0 });
  const trial = { id, number, of, contender, seed, learningRate, isChoosing };
  switch (event.type) {
    case 'trial':
      return { ...trial, share: 0, score: undefined };
    case 'point':
      return { ...trial, share: event.share, score: event.point.scores[isChoosing ? CHOSEN_BY : score] };
    case 'result':
      return { ...trial, share: 1, score: before?.score };
  }
}

/** How all stand, for the page. */
export function reportOf(id: string, state: ComparisonState): ComparisonReport {
  const { definition, results, beside } = state;
  const { title, score } = definition;
  const { kind } = budgetOf(definition);
  const isReported = results.some(({ purpose }) => purpose === 'reported');
  const axes = isReported ? [kind, ...BUDGETS.filter((axis) => axis !== kind)] : [];
  return {
    id,
    title,
    score,
    done: results.length,
    of: countOf(definition),
    budget: kind,
    tables: axes.map((axis) => tableView(state, axis)),
    curves: meanCurves(state),
    beside: Object.entries(beside).flatMap(([name, means]) => {
      const value = means[score];
      return value === undefined ? [] : [{ name, value }];
    }),
  };
}

function tableView(state: ComparisonState, axis: Budget): ComparisonTableView {
  const table = comparedTable(state, axis);
  const [[, ...head] = [], ...rows] = tableRows(state, table);
  return {
    axis,
    head,
    rows: rows.map(([name = '', ...cells], i) => ({ name, cells, verdict: verdictText(table.rows[i]) })),
    notes: tableNotes(state, table),
  };
}
