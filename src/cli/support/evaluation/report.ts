import { queryRows, type SystemComparison } from '../../../evaluation/comparison.ts';
import { measureWords } from '../../../evaluation/measures/measures.ts';
import { comparisonsOf, intervalOf, leftOut, signsWords, type Evaluated } from '../../../evaluation/report.ts';
import { table } from '../reports.ts';

/** Tables for people: the means of all measures, then the systems beside the first by one of them. */
export function evaluationText(evaluated: Evaluated): string {
  const { collection, systems, measures } = evaluated;
  const [first] = systems;
  if (!first) return '';
  const { scores } = first;
  const head = `${collection.title}: ${collection.documents.length} documents, ${scores.queries.length} queries; ${MEAN_WORDS[scores.convention]}`;
  const means = table([
    ['system', ...measures.map(({ name }) => name)],
    ...systems.map(({ id, scores: { means: mean } }) => [id, ...measures.map(({ name }) => digits(mean.get(name)))]),
  ]);
  const left = systems.flatMap((system) => leftOut(system));
  return [head, '', means, comparisonText(evaluated), ...left].join('\n');
}

const MEAN_WORDS = {
  relevant: 'means over all that have a relevant document',
  trec: 'means over those that were answered, as trec_eval',
  'trec-c': 'means over all that are judged, as trec_eval -c',
  beir: 'means as BEIR has them',
} as const;

function comparisonText(evaluated: Evaluated): string {
  const { systems, measures, seed } = evaluated;
  const [first, ...others] = systems;
  const [measure] = measures;
  if (!first || !measure) return '';
  const compared = comparisonsOf(evaluated);
  const against = others.length === 0 ? [] : [`less ${first.id}`, 'better', 'worse', 'same', 'p sign-flip', 'p t test'];
  const rows = systems.map((system, i) => {
    const { id, scores } = system;
    const interval = intervalOf(system, measure.name, seed) ?? [NaN, NaN];
    const comparison = compared[i - 1];
    return [
      id,
      digits(scores.means.get(measure.name)),
      interval.map(digits).join(' to '),
      ...(comparison ? comparisonCells(comparison) : []),
    ];
  });
  const notes =
    compared.length === 0
      ? []
      : [
          `p: were the two alike, a difference as large as this by chance${compared.length > 1 ? `; corrected for ${compared.length} comparisons (Holm)` : ''}. Sign-flip test of ${signsWords(compared)}.`,
        ];
  const lines = [
    `${measure.name} is ${measureWords(measure.name)}. Intervals: 2,000 resamples of the queries.`,
    ...notes,
  ];
  return `${table([['system', measure.name, '95 % interval', ...against], ...rows])}${lines.join('\n')}\n`;
}

function comparisonCells({ difference, better, worse, same, signFlip, t }: SystemComparison): string[] {
  const signed = `${difference < 0 ? '−' : '+'}${digits(Math.abs(difference))}`;
  return [signed, `${better}`, `${worse}`, `${same}`, chance(signFlip.corrected), chance(t.corrected)];
}

function digits(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(3);
}

function chance(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

/** The queries on which the last system loses most against the first; '' where it loses nowhere, or there is but one. */
export function lossesText({ collection, systems, measures }: Evaluated, most: number): string {
  const [first, last] = [systems[0], systems.at(-1)];
  const [measure] = measures;
  if (!first || !last || !measure || systems.length < 2) return '';
  const texts = new Map(collection.queries.map(({ id, text }) => [id, text]));
  const lost = queryRows([first, last], measure.name).filter(({ difference }) => difference < 0);
  if (lost.length === 0 || most === 0) return '';
  const rows = lost
    .slice(0, most)
    .map(({ query, values, difference }) => [
      `${query}  ${(texts.get(query) ?? '').replace(/\s+/g, ' ').slice(0, 70)}`,
      ...values.map(digits),
      `−${digits(-difference)}`,
    ]);
  return `Where ${last.id} loses most (${lost.length} queries in all):\n${table([['query', first.id, last.id, ''], ...rows])}`;
}
