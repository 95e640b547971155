import { format } from 'd3';
import { charts, type ChartDefinition, type LineDefinition, type ObjectiveTable } from '../../../objectives/tables.ts';
import { scoreOf, type ScoredText } from '../../../run/record.ts';
import { compact, decimal } from '../../components/format.ts';
import type { History } from '../../state/history/history.ts';
import type { ChartOptions, Reference, Series } from './series.ts';

/** A chart of a run, as its objective's table has it. */
export interface RunChart extends ChartOptions {
  readonly title: string;
  readonly unit: string;
  /** The unit where its numbers have to be understood without the page around them. */
  readonly fullUnit: string;
  readonly series: readonly Series[];
  /** Fill between the first two lines: what context gains. */
  readonly filled: boolean;
  readonly size: ChartDefinition['size'];
  /** About the machine, not about what is learnt. */
  readonly isOfMachine: boolean;
  readonly format: (value: number) => string;
}

/** What the line of an evaluation is called: of what its batches are. */
const SCORED: Readonly<Record<ScoredText | 'unknown', string>> = {
  heldOut: 'held-out',
  training: 'training text',
  unknown: 'scored',
};

/** What an axis from 0 to 1 measures. */
const SHARE = 'share of rows';

/** What charts are drawn of. */
export interface Charted {
  readonly history: History;
  /** B as it is set, which counts until there is a step: an axis of others ends at B − 1. */
  readonly chunks: number;
  /** The last: where levels are taken from until there is an evaluation. */
  readonly step: number;
}

/** The charts of a run in the order of their places. Those that say nothing of this run are left out. */
export function runCharts(run: Charted): RunChart[] {
  return charts(run.history.table)
    .map((chart) => ({ ...chart, lines: chart.lines.filter((one) => isDrawn(run.history, one)) }))
    .filter(({ lines }) => lines.length > 0)
    .map((chart) => runChart(chart, run))
    .concat(collectionChart(run.history));
}

/** The measure of the labelled collection that is drawn. */
const CURVE_MEASURE = 'ndcg@10';
/** What other systems are called beside it. */
const BESIDE: Readonly<Record<string, string>> = { bm25: 'BM25' };

/** Letters that the end of a line has room for, beside a number. */
const MOST_LETTERS = 13;

function shortened(name: string): string {
  return name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS - 1)}…` : name;
}

/** "all-MiniLM-L6-v2" of a repository's name. */
function nameOf(id: string): string {
  return id.slice(id.lastIndexOf('/') + 1);
}

/** Scores on a labelled collection while the run trained, where it was scored on one: beside BM25 and, measured first, itself untrained. */
function collectionChart({ collection }: History): RunChart[] {
  if (!collection || collection.scores.length === 0) return [];
  const { title, queries, beside, scores } = collection;
  const value = (means: Readonly<Record<string, number>>): number => means[CURVE_MEASURE] ?? NaN;
  const [first] = scores;
  const references = Object.entries(beside).map(([id, means]) => ({
    label: BESIDE[id] ?? nameOf(id),
    short: shortened(BESIDE[id] ?? nameOf(id)),
    value: value(means),
  }));
  return [
    {
      title: `nDCG@10 on ${title}`,
      unit: '',
      fullUnit: `mean over ${queries} queries`,
      logarithmic: false,
      cropped: false,
      // Without names at their ends, its lines would say nothing.
      size: 'large',
      isOfMachine: false,
      series: [
        {
          label: 'retriever',
          tone: 'strong',
          dashed: false,
          xs: scores.map(({ step }) => step),
          ys: scores.map(({ means }) => value(means)),
        },
      ],
      domain: [0, 1],
      references: [
        ...references,
        ...(first?.step === 0 && scores.length > 1 ? [{ label: 'untrained', value: value(first.means) }] : []),
      ].filter((one) => Number.isFinite(one.value)),
      filled: false,
      format: decimal,
    },
  ];
}

/** The chart that a metric is drawn in; undefined where there is none of it. */
export function chartOf(
  all: readonly RunChart[],
  { charts: drawn }: ObjectiveTable,
  metric: string | undefined,
): RunChart | undefined {
  const title = drawn.find(({ lines }) => lines.some((one) => one.metric === metric))?.title;
  return all.find((one) => one.title === title);
}

/** Older runs have no batch that stays the same, and not every text knows in which wording its chunks are told. */
function isDrawn(history: History, { of, metric }: LineDefinition): boolean {
  if (of !== 'probe') return true;
  const { probe } = history;
  return probe ? probe.column(metric).some((value) => !Number.isNaN(value)) : history.length === 0;
}

function runChart(chart: ChartDefinition, { history, chunks, step }: Charted): RunChart {
  const { title, unit, domain, logarithmic = false, cropped = false, size, isOfMachine = false, lines } = chart;
  // What is faint lies under the others.
  const drawn = [...lines].sort((a, b) => Number(b.tone === 'faint') - Number(a.tone === 'faint'));
  // Of a step's own batch: the probe, or what another part of the page shows, may be smaller.
  const others = Math.max(1, (history.latest?.batch.chunks.length ?? chunks) - 1);
  return {
    title,
    unit: domain === 'others' ? `of ${others}` : unit,
    fullUnit: domain === 'others' ? `${unit}, of ${others}` : domain === undefined ? unit : SHARE,
    logarithmic,
    cropped,
    size,
    isOfMachine,
    series: drawn.map((one) => ({
      // What else is known of those batches has a name of its own: no two lines of a chart may share one.
      label:
        one.of === 'evaluation' && one.metric === history.table.score ? SCORED[history.scored ?? 'unknown'] : one.label,
      tone: one.tone,
      dashed: one.dashed ?? false,
      ...line(history, one),
    })),
    ...(domain === undefined ? {} : { domain: domain === 'others' ? ([0, others] as const) : domain }),
    references: references(chart, history, step),
    filled: isGain(history.table, lines),
    format: formatOf(chart, history.table),
  };
}

/** Steps and values of a charted metric. */
export function line(
  history: History,
  { metric, minus, of }: Pick<LineDefinition, 'metric' | 'minus' | 'of'>,
): Pick<Series, 'xs' | 'ys'> {
  if (of === 'evaluation') {
    const scored = history.evaluations.filter((one) => scoreOf(one, metric) !== undefined);
    return { xs: scored.map((one) => one.step), ys: scored.map((one) => scoreOf(one, metric) ?? NaN) };
  }
  const column = (key: string): Float64Array =>
    (of === 'probe' ? history.probe?.column(key) : history.column(key)) ?? new Float64Array();
  const taken = minus === undefined ? undefined : column(minus);
  const values = column(metric);
  return { xs: column('step'), ys: taken ? values.map((value, at) => value - (taken[at] ?? NaN)) : values };
}

/** Levels of the latest scores; where there are none yet, those of a step's batch. Those of the probe are the same at every look. */
function references({ levels = [] }: ChartDefinition, history: History, step: number): Reference[] {
  const latest = history.evaluations.at(-1);
  return levels
    .map(({ metric, of, ...level }) => ({
      ...level,
      value:
        of === 'probe'
          ? (history.probe?.column(metric).at(-1) ?? NaN)
          : (scoreOf(latest, metric) ?? history.value(metric, step)),
    }))
    .filter(({ value }) => Number.isFinite(value));
}

function isGain({ gain }: ObjectiveTable, lines: readonly LineDefinition[]): boolean {
  return gain !== undefined && [gain.withContext, gain.alone].every((key, i) => lines[i]?.metric === key);
}

/** At most five characters: two values share a narrow caption. */
function short(value: number): string {
  if (Number.isNaN(value)) return '–';
  return value > 0 && value < 0.01 ? small(value) : twoDigits(value);
}
const small = format('.0e');
const twoDigits = format('.2~g');

/** How the values of a chart are written: those of the objective with decimals, those of training as short as can be. */
function formatOf(chart: ChartDefinition, table: ObjectiveTable): (value: number) => string {
  if (table.charts.some(({ title }) => title === chart.title)) return decimal;
  return chart.logarithmic ? short : compact;
}
