import { tsvLine } from '../../files/formats/embeddingFiles.ts';
import { flopsText } from '../flops.ts';
import { LEVEL } from '../significance.ts';
import { BUDGETS, type Budget } from './definition.ts';
import type { ComparisonState } from './state.ts';
import {
  comparedTable,
  meanCurves,
  type ComparedRow,
  type ComparedTable,
  type Spread,
  type Tested,
} from './summary.ts';

/** An amount with its unit: "300 steps", "1.2 TFLOP". */
export function amountText(kind: Budget, amount: number): string {
  if (kind === 'flops') return flopsText(amount);
  return `${kind === 'seconds' ? amount.toPrecision(3) : Math.round(amount)} ${kind}`;
}

/** The table's cells for people, its head first. */
export function tableRows(state: ComparisonState, table: ComparedTable): string[][] {
  const { score } = state.definition;
  const head = [score, 'rate', ...BUDGETS, 'difference', 'p (seeds)', 'p (queries)'];
  return [
    ['', ...head],
    ...table.rows.map(({ contender, ...row }) => [
      row.diverged > 0 ? `${contender} (${row.diverged} of ${row.seeds} diverged)` : contender,
      spreadText(row.score),
      String(row.learningRate),
      ...BUDGETS.map((kind) => (kind === 'flops' ? flopsText(row.spent[kind]) : spentText(kind, row.spent[kind]))),
      row.against ? signed(row.against.difference) : '',
      row.against ? testText(row.against.seeds) : '',
      row.against ? testText(row.against.items) : '',
    ]),
  ];
}

/** What stands beneath a table: what is compared, how rates were chosen, what p means. */
export function tableNotes(state: ComparisonState, table: ComparedTable): string[] {
  const { definition, beside, device } = state;
  const seeds = table.rows[0]?.seeds ?? 0;
  const others = Object.entries(beside).flatMap(([name, means]) => {
    const value = means[definition.score];
    return value === undefined ? [] : [`${name} ${value.toFixed(3)}`];
  });
  const chosen = table.rows.flatMap(({ contender, rates }) =>
    rates
      ? [
          `${contender}: ${rates.tried
            .map(({ learningRate, heldOut }) => `${learningRate} → ${heldOut?.toFixed(3) ?? 'diverged'}`)
            .join(', ')}`,
        ]
      : [],
  );
  return [
    `Mean ± standard deviation over ${seeds} seeds, at ${amountText(table.axis, table.amount)} each, judged on ${definition.collection ?? 'held-out batches'}; on ${device}.`,
    ...(others.length > 0 ? [`Beside them: ${others.join(', ')}.`] : []),
    ...(chosen.length > 0
      ? [`Learning rates chosen by recall@1 of held-out batches, in runs that are not reported: ${chosen.join('; ')}.`]
      : []),
    'p of differences to the first line: paired t test over seeds, sign-flip test over queries (each the mean over seeds); both corrected by Holm.',
  ];
}

/** What a line's tests say of its difference to the first, in words; p corrected. */
export function verdictText(row: ComparedRow | undefined): string {
  if (!row?.against) return 'The others are compared with this.';
  const { difference, seeds, items } = row.against;
  const higher = difference === 0 ? 'Equal' : difference > 0 ? 'Higher' : 'Lower';
  const said = [
    [seeds, 'seeds'],
    [items, 'queries'],
  ] as const;
  const told = said.flatMap(([test, what]) => (test ? [{ what, isSure: test.corrected < LEVEL }] : []));
  const sure = told.filter(({ isSure }) => isSure).map(({ what }) => what);
  const unsure = told.filter(({ isSure }) => !isSure).map(({ what }) => what);
  if (told.length === 0) return `${higher}; nothing to test that by yet.`;
  if (sure.length === 0) return `${higher}, but by no more than ${unsure.join(' or ')} differ by chance.`;
  const but = unsure.length > 0 ? `; ${unsure.join(' and ')} alone may differ so much by chance` : '';
  return `${higher}: more than ${sure.join(' and ')} would differ by chance${but}.`;
}

/** All looks of all runs as tab-separated lines: a run and a look each. */
export function curvesTsv(state: ComparisonState): string {
  const names = [
    ...new Set(state.results.flatMap(({ points }) => points.flatMap(({ scores }) => Object.keys(scores)))),
  ];
  const head = ['purpose', 'contender', 'seed', 'learningRate', ...BUDGETS, ...names];
  const lines = state.results.flatMap(({ purpose, contender, seed, learningRate, points }) =>
    points.map((point) => [
      purpose,
      contender,
      seed,
      learningRate,
      ...BUDGETS.map((kind) => point[kind]),
      ...names.map((name) => point.scores[name] ?? ''),
    ]),
  );
  return [head, ...lines].map(tsvLine).join('');
}

/** Tables on all axes, curves and every run, as one object. */
export function comparisonJson(state: ComparisonState): Record<string, unknown> {
  const tables = Object.fromEntries(BUDGETS.map((axis) => [axis, comparedTable(state, axis)]));
  return {
    title: state.definition.title,
    definition: state.definition,
    device: state.device,
    beside: state.beside,
    tables,
    curves: meanCurves(state),
    runs: state.results,
  };
}

function spreadText({ mean, sd }: Spread): string {
  return `${mean.toFixed(3)}${sd === undefined ? '' : ` ± ${sd.toFixed(3)}`}`;
}

function spentText(kind: Budget, amount: number): string {
  return kind === 'seconds' ? amount.toPrecision(3) : String(Math.round(amount));
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}

function testText(tested: Tested | undefined): string {
  if (!tested) return '–';
  return tested.corrected < 0.001 ? '< 0.001' : tested.corrected.toFixed(3);
}
