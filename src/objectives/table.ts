/**
 * What an objective tells of itself: its numbers and pictures, as data. Page, files and command line know an objective by this
 * alone, so that none of them names one.
 */
export interface ObjectiveTable {
  readonly id: string;
  readonly title: string;
  /** What stands in place of the sentence over the matrix before the first step. */
  readonly opening: string;
  /** Whether a language model takes part. Where none does, none is built, loaded or planned for. */
  readonly needsLanguageModel: boolean;
  /** Numbers of each training step, in the order of columns. */
  readonly stepMetrics: readonly MetricDefinition[];
  /** Numbers of an evaluation: over the batches for scores, in the order of columns. */
  readonly evaluationMetrics: readonly MetricDefinition[];
  /** Numbers of the batch that stays the same through a run. */
  readonly probeMetrics: readonly MetricDefinition[];
  readonly charts: readonly ChartDefinition[];
  /** The one that is shown first comes first. */
  readonly matrices: readonly MatrixDefinition[];
  /**
   * What teaches the retriever: keys of ∂L/∂A and ∂L/∂S [B, B] of the in-batch loss L, beside the matrices to choose from. A picture
   * may lack either. Undefined where an objective shows none.
   */
  readonly signals: { readonly attention: string; readonly similarity: string } | undefined;
  readonly pairs: PairWords;
  /** Losses of tokens: with context, then alone; empty where no tokens are predicted. */
  readonly tokenRows: readonly TokenRowDefinition[];
  /** Key of the step metric that a list of runs shows, and whose line keeps its shape when steps are thinned. */
  readonly headline: string;
  /** Keys of the step metrics of whose lowest and highest steps the pictures are kept when pictures are thinned. */
  readonly extremes: readonly string[];
  /** Key of the evaluation's metric that says how good the retriever is. */
  readonly score: string;
  /** Keys of its losses: what is trained first. */
  readonly losses: readonly string[];
  /** Gain of context: the difference of two step metrics, where the objective has one. */
  readonly gain: { readonly alone: string; readonly withContext: string } | undefined;
  /** What a step costs, where it grows faster than that of others: said before a run begins. */
  readonly stepCost?: (settings: CostSettings) => StepCost;
}

/** What of a configuration a step's cost follows from. */
export interface CostSettings {
  /** B. */
  readonly chunks: number;
  readonly replugLanguageModel: string;
}

/** The work of a step, counted in passes over one chunk (forward one, backward two) before any of it is done. */
export interface StepCost {
  /** Passes that grow with the square of B. */
  readonly passes: number;
  readonly work: number;
  /** The same of a Revela step in which both models learn. */
  readonly beside: number;
  /** All this, for the reader. */
  readonly words: string;
}

export interface MetricDefinition {
  /** Its name in JSON lines and run files. */
  readonly key: string;
  /** In a few words, as it stands beside its number. */
  readonly label: string;
  readonly unit: string;
  /** What it means, in a sentence. */
  readonly help: string;
  /** Some batches have no such number. */
  readonly isOptional?: boolean;
  /** What it can be at least and at most; files that say otherwise are refused. */
  readonly range?: readonly [number, number];
  /** Came after the first run files: a run that lacks it is not damaged. */
  readonly isNewer?: boolean;
  /** How the command line calls it. */
  readonly short: string;
  readonly digits: number;
}

/** A line of a chart: a metric over the steps of a run. */
export interface LineDefinition {
  readonly metric: string;
  /** What is taken from it: the line is the difference of the two. */
  readonly minus?: string;
  readonly of: 'step' | 'evaluation' | 'probe';
  /** Of an evaluation's line the page says in its place what the batches were: held out, or of the training text. */
  readonly label: string;
  /** accent: with context. alone: without. strong and faint: anything else. */
  readonly tone: 'accent' | 'alone' | 'strong' | 'faint';
  readonly dashed?: boolean;
  /** Its name where every run is one line and only this number is drawn. */
  readonly title: string;
}

/** A level of a chart: a metric that is the same at every look. */
export interface LevelDefinition {
  readonly label: string;
  readonly metric: string;
  readonly of?: 'probe';
  /** That of the line whose level it is, where a chart has one for each. */
  readonly tone?: LineDefinition['tone'];
  /** Its label where the tone says whose it is. */
  readonly short?: string;
}

export interface ChartDefinition {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly LineDefinition[];
  /** Levels that do not move: metrics of the latest scores, or of the batch that stays the same. */
  readonly levels?: readonly LevelDefinition[];
  /** Ends of the vertical axis. `others`: from 0 to B − 1. Left out: from zero, or below all values, to above all. */
  readonly domain?: readonly [number, number] | 'others';
  readonly logarithmic?: boolean;
  /** The steep beginning of a run may leave the top. */
  readonly cropped?: boolean;
  readonly size: 'large' | 'medium' | 'small';
  /** It is about the machine and says nothing of what is learnt: the page folds it away. */
  readonly isOfMachine?: true;
}

/** A matrix [B, B] of a step. */
export interface MatrixDefinition {
  readonly key: string;
  /** One letter: A, S. */
  readonly symbol: string;
  /** In one word, as it stands before its letter. */
  readonly label: string;
  /** What it is made of, in a few signs: stands after its letter in pictures. */
  readonly formula: string;
  readonly help: string;
  /** What is said of the largest value of each row: over a table, and over a column of it. */
  readonly most: { readonly caption: string; readonly head: string };
  /** What its cells can be, for files. */
  readonly range: readonly [number, number];
  /** Whether rows sum to one: then a cell is a share, and the page says who reads whom. */
  readonly isShare: boolean;
  /** Of shares that are a softmax of another matrix: what they are made from, so that they can be made anew with other values. */
  readonly softmax?: SoftmaxDefinition;
}

export interface SoftmaxDefinition {
  /** Key of the matrix whose rows it is taken over, divided by the temperature. The diagonal counts where it is the answer. */
  readonly of: string;
  /** Key of the setting that is the temperature. */
  readonly temperature: string;
  /** Key of the setting that may put a control in its place, where there is one; its value `learned` is the softmax. */
  readonly control?: string;
}

/** What rows and columns of the matrices stand for, in words. */
export interface PairWords {
  /** What the figure is called. */
  readonly title: string;
  readonly row: AxisWords;
  readonly column: AxisWords;
  /** Between the two: chunk 1 *reads* chunk 2. */
  readonly verb: string;
  /** What stands on the diagonal: nothing, or the right answer of each row. */
  readonly diagonal: 'nothing' | 'answer';
  /** What the rows that are right do: 5 of 8 *chunks read their partner most*. */
  readonly found: string;
  /** What a row should give its share to: the cells of its partners, or that of the diagonal where the answer is there. */
  readonly right: string;
  /** What the effective number of cells that a row spreads its share over counts. */
  readonly spread: string;
}

export interface AxisWords {
  /** What is numbered along it. */
  readonly noun: string;
  /** As it stands beside the axis. */
  readonly axis: string;
  /** The same where there is less room; also what one of the pair is called. */
  readonly short: string;
}

/** A number per token of each chunk. */
export interface TokenRowDefinition {
  readonly key: string;
  readonly label: string;
}

/** A charted metric. */
const line = (metric: string, label: string, title: string, dashed?: boolean): LineDefinition => ({
  metric,
  of: 'step',
  label,
  title,
  tone: 'strong',
  ...(dashed ? { dashed } : {}),
});

/** Numbers that training has whatever is trained for, before and after the objective's own. */
export const FIRST_METRICS: readonly MetricDefinition[] = [
  {
    key: 'step',
    label: 'step',
    unit: '',
    help: 'Updates made so far, this one included.',
    range: [1, 1e9],
    short: 'step',
    digits: 0,
  },
  {
    key: 'loss',
    label: 'loss trained',
    unit: '',
    help: 'What is differentiated.',
    short: 'loss',
    digits: 4,
  },
];

export const TRAINER_METRICS: readonly MetricDefinition[] = [
  {
    key: 'gradientNorm',
    label: 'gradient norm',
    unit: '',
    help: 'Length of the gradient of all that is trained, before clipping.',
    short: '|g|',
    digits: 3,
    isNewer: true,
  },
  {
    key: 'retrieverGradientNorm',
    label: 'gradient norm of the retriever',
    unit: '',
    help: 'Length of the retriever’s part of the gradient; 0 where it does not learn.',
    short: '|g| retriever',
    digits: 3,
    isNewer: true,
  },
  {
    key: 'languageModelGradientNorm',
    label: 'gradient norm of the language model',
    unit: '',
    help: 'Length of the language model’s part of the gradient; 0 where it does not learn.',
    short: '|g| LM',
    digits: 3,
    isNewer: true,
  },
  {
    key: 'learningRate',
    label: 'learning rate',
    unit: '',
    help: 'Step size of AdamW in this step.',
    short: 'rate',
    digits: 6,
    isNewer: true,
  },
  {
    key: 'stepMs',
    label: 'step time',
    unit: 'ms',
    help: 'From the first kernel recorded to the numbers read back.',
    short: 'ms',
    digits: 0,
    isNewer: true,
  },
  {
    key: 'tokensPerSecond',
    label: 'throughput',
    unit: 'tokens/s',
    help: 'Tokens of the step’s batches by its time.',
    short: 'tokens/s',
    digits: 0,
    isNewer: true,
  },
];

/** GPU memory of a step by purpose, in bytes: the columns of `memory`. */
export const MEMORY_METRICS = [
  { key: 'weights', label: 'weights' },
  { key: 'gradients', label: 'gradients' },
  { key: 'optimiser', label: 'optimiser' },
  { key: 'activations', label: 'activations' },
  { key: 'scratch', label: 'scratch' },
  { key: 'peak', label: 'peak of the step' },
  { key: 'total', label: 'whole pool' },
] as const;

/** Charts of training itself, drawn after the objective's own. */
export const TRAINER_CHARTS: readonly ChartDefinition[] = [
  {
    title: 'Gradient norm',
    unit: '',
    logarithmic: true,
    size: 'medium',
    lines: [
      line('retrieverGradientNorm', 'retriever', 'Gradient norm, retriever'),
      line('languageModelGradientNorm', 'LM', 'Gradient norm, LM', true),
    ],
  },
  {
    title: 'Step time',
    unit: 'ms',
    cropped: true,
    size: 'small',
    isOfMachine: true,
    lines: [line('stepMs', 'time', 'Step time')],
  },
  {
    title: 'Throughput',
    unit: 'tokens/s',
    size: 'small',
    isOfMachine: true,
    lines: [line('tokensPerSecond', 'rate', 'Throughput')],
  },
];

/** All step metrics of an objective, in the order of columns. What is trained is measured as the objective's losses are. */
export function stepMetrics(table: ObjectiveTable): readonly MetricDefinition[] {
  const unit = table.stepMetrics.find(({ key }) => key === table.losses[0])?.unit;
  const first = FIRST_METRICS.map((metric) => (metric.key === 'loss' ? { ...metric, unit: unit ?? '' } : metric));
  return [...first, ...table.stepMetrics, ...TRAINER_METRICS];
}

/** All charts of an objective, in the order of their places. Without a language model there is no line for its gradient. */
export function charts(table: ObjectiveTable): readonly ChartDefinition[] {
  if (table.needsLanguageModel) return [...table.charts, ...TRAINER_CHARTS];
  const has = ({ metric }: LineDefinition): boolean => metric !== 'languageModelGradientNorm';
  return [...table.charts, ...TRAINER_CHARTS.map((chart) => ({ ...chart, lines: chart.lines.filter(has) }))];
}
