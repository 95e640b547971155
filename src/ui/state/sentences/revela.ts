import type { Configuration } from '../../../settings/configuration.ts';
import { matrixOf, metricOf, scoreOf, type Picture } from '../../../run/record.ts';
import type { Paired } from '../../../run/significance.ts';
import { decimal } from '../../components/format.ts';
import { readRows, type RowReading } from '../display.ts';
import type { Moment } from '../moment.ts';
import { freshScores, hasLearnt, lastSteps, overWords, recallWords, WINDOW } from './scores.ts';
import type { Seen, Sentence } from './words.ts';

/** Steps after which a run that could learn would show it. */
const PATIENCE = 200;

/** Who reads whom, whether that is the partner, what reading saves, and why nothing is learnt where that is so. */
export function describeReading({ configuration, moment, picture, isMoving, order }: Seen): Sentence {
  const { table } = moment.history;
  const rows = readRows(picture.batch, matrixOf(picture, 'attention'), order, table.pairs);
  const scores = recentScores(moment);
  const stuck = whyStuck(configuration, picture, rows, scores);
  if (stuck !== undefined) return { text: stuck, stuck: true };
  const text = isMoving ? lately(moment, rows, scores) : result(configuration, picture, rows, scores);
  return { text, stuck: false };
}

interface Scores {
  readonly step: number;
  /** recall@1 of the last evaluation, or where that is long ago, of recent batches; NaN without partners. */
  readonly recall: number;
  /** The same beside chance, and what it is over. */
  readonly told: string;
  /** Whether the retriever finds more than before its first step; undefined where that is not known. */
  readonly learnt: Paired['verdict'] | undefined;
  /** Nats per token that reading saves. */
  readonly gain: number;
  readonly retrieverGradient: number;
}

function recentScores(moment: Moment): Scores {
  const { history, step } = moment;
  const mean = (metric: string): number => history.recentMean(metric, step, WINDOW);
  const evaluation = freshScores(moment);
  const scored = scoreOf(evaluation, 'recallAt1');
  const recall = scored ?? mean('recallAt1');
  const chance = scoreOf(evaluation, 'chance') ?? mean('chance');
  const over = evaluation && scored !== undefined ? overWords(evaluation) : 'On the batches trained on';
  return {
    step,
    recall,
    told: `${over} ${recallWords(recall, chance)}.`,
    learnt: hasLearnt(evaluation),
    gain: mean('isolatedLoss') - mean('ntpLoss'),
    retrieverGradient: mean('retrieverGradientNorm'),
  };
}

/** Why nothing (or nothing about retrieval) is being learnt; undefined when it is, or when it is too early to say. */
function whyStuck(c: Configuration, picture: Picture, rows: readonly RowReading[], scores: Scores): string | undefined {
  switch (c.attention) {
    case 'uniform':
      return `Control: every chunk reads all others alike, whatever they say. The retriever gets no gradient and learns nothing${savedSoFar(scores)}.`;
    case 'random':
      return `Control: each chunk is given one other chunk by chance. The retriever gets no gradient and learns nothing${savedSoFar(scores)}.`;
    case 'oracle':
      return `Control: each chunk is handed its true partners, so this is what a perfect retriever would give${savedSoFar(scores)}. The retriever itself gets no gradient.`;
    case 'bm25':
      return `Control: shared words (BM25) decide who is read${savedSoFar(scores)}. The retriever itself gets no gradient.`;
    case 'learned':
      break;
  }
  if (c.freezeRetriever)
    return 'The retriever is frozen: only the language model learns, and who is read never changes.';
  if (rows.every(({ hasPartner }) => !hasPartner) && Number.isNaN(scores.recall)) {
    return 'No chunk here has a partner from its own document, so recall cannot be measured. Batches of topic groups hold partners.';
  }
  if (c.temperature < 0.01 && documentsOf(picture) < 1.05 && !isGood(scores)) {
    return `The temperature (τ ${decimal(c.temperature)}) is so low that each chunk reads one neighbour only, and the retriever gets no gradient. Try τ 0.1.`;
  }
  // Better than it was is learning, however little; where that was not measured, the score itself has to tell.
  if (scores.step < PATIENCE || (scores.learnt === undefined ? isGood(scores) : scores.learnt === 'better'))
    return undefined;
  if (c.base !== 'scratch') return undefined;
  if (c.initialisation === 'normal' && scores.gain < 0.02) {
    return `From plain random weights the language model ignores its neighbours, so the retriever gets no signal. ${scores.told} Start from the copy prior.`;
  }
  if (c.source !== 'facts') {
    const found =
      scores.learnt === undefined ? '' : ` After ${scores.step} steps the retriever is no better than untrained.`;
    return `A small model from scratch uses any neighbour about as much as the right one.${found} ${scores.told} It takes a pretrained checkpoint.`;
  }
  return undefined;
}

/** What the last steps show together: no single chunk is named, since each step has other ones. */
function lately(moment: Moment, rows: readonly RowReading[], { gain }: Scores): string {
  const { history, step } = moment;
  const withPartner = rows.filter(({ hasPartner }) => hasPartner).length;
  const mean = (metric: string): number => history.recentMean(metric, step, WINDOW);
  const [found, chance, read] = [mean('recallAt1'), mean('chance'), mean('effectiveDocuments')];
  const saves = gain >= 0.02 ? `, and reading saves ${decimal(gain)} nats per token` : '';
  if (Number.isNaN(found) || withPartner === 0)
    return Number.isNaN(read)
      ? ''
      : `${lastSteps(moment)} a chunk reads ${decimal(read)} of ${rows.length - 1} others on average${saves}.`;
  const of = (share: number): string => (share * withPartner).toFixed(1);
  return `${lastSteps(moment)} ${of(found)} of ${withPartner} chunks find their partner first on average (by chance ${of(chance)})${saves}.`;
}

function documentsOf({ metrics }: Picture): number {
  return metricOf(metrics, 'effectiveDocuments');
}

function isGood({ recall }: Scores): boolean {
  return recall >= 0.6;
}

function savedSoFar({ gain }: Scores): string {
  if (Number.isNaN(gain)) return '';
  return gain >= 0.02 ? `; reading saves ${decimal(gain)} nats per token` : '; reading saves nothing so far';
}

function result(c: Configuration, picture: Picture, rows: readonly RowReading[], scores: Scores): string {
  const others = rows.length - 1;
  const withPartner = rows.filter(({ hasPartner }) => hasPartner);
  const found = withPartner.filter(({ isPartner }) => isPartner).length;
  const saves = scores.gain >= 0.02 ? `, and reading saves ${decimal(scores.gain)} nats per token` : '';
  const thing = c.source === 'facts' ? 'fact' : 'document';
  const count = withPartner.length > 0 ? ` ${found} of ${withPartner.length} chunks read their partner most` : '';
  if (others > 2 && documentsOf(picture) > 0.85 * others) {
    const early = `Each chunk still reads all others about alike (${decimal(documentsOf(picture))} of ${others})`;
    if (isGood(scores)) return `${early}: the ranking is right, but τ ${decimal(c.temperature)} is soft${saves}.`;
    return `${early}: the retriever has not made up its mind yet.${count ? `${count}.` : ''}`;
  }
  const strongest = rows.reduce((best, row) => (row.value > best.value ? row : best));
  const same = c.source === 'facts' ? 'they tell the same fact' : 'both are from one document';
  const other = `which ${c.source === 'facts' ? 'tells' : 'is from'} another ${thing}`;
  const reads = `Chunk ${strongest.row + 1} reads mostly chunk ${strongest.most + 1} (${decimal(strongest.value)})`;
  const judged = strongest.isPartner ? `${reads}: ${same}.` : `${reads}, ${other}.`;
  return count
    ? `${judged}${count}${saves}.`
    : `${judged}${saves.replace(', and reading', ' Reading')}${saves ? '.' : ''}`;
}
