import { metricOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import type { Moment } from '../moment.ts';
import { contrastOf, type Teaching } from '../teaching.ts';

/** Shares of the largest pull of a picture below which S is said to stay. */
const STILL = 0.02;

/** Nats per token below which reading is said to have changed nothing. */
const NOTHING = 5e-4;

/** What reading a chunk saved, with its sign. */
export function savingNumber(saving: number): string {
  if (Math.abs(saving) < NOTHING) return '≈ 0';
  return `${saving > 0 ? '+' : '−'}${decimal(Math.abs(saving))}`;
}

/** Where similarity goes next. */
export type PullSign = '↑' | '↓' | '–';

export const PULL_WORDS: Readonly<Record<PullSign, string>> = { '↑': 'up', '↓': 'down', '–': 'nowhere' };

export function pullSign(pull: number, { largestPull }: Pick<Teaching, 'largestPull'>): PullSign {
  if (Math.abs(pull) < STILL * largestPull || pull === 0) return '–';
  return pull > 0 ? '↑' : '↓';
}

/** A cell of what is taught. Numbers are those on the axes, from 1; `at` is its place in the matrices of the batch. */
export interface TaughtCell {
  readonly row: number;
  readonly column: number;
  readonly at: number;
}

/**
 * What a cell teaches, in words. The batch of a step was trained on, so S is said to be pushed; one that stays the same is held out or
 * comes by in training as any other: of that it is said what a step on it would do.
 */
export function describeTeaching(
  { row, column, at }: TaughtCell,
  teaching: Teaching,
  { subject }: Pick<Moment, 'subject'>,
): string {
  const saving = teaching.savings?.[at];
  const pull = teaching.pulls[at] ?? 0;
  const sign = pullSign(pull, teaching);
  const goes =
    subject === 'probe'
      ? `a step on this batch ${{ '↑': 'raises', '↓': 'lowers', '–': 'hardly moves' }[sign]} its similarity`
      : `its similarity ${{ '↑': 'rises', '↓': 'falls', '–': 'stays about where it is' }[sign]}`;
  if (saving === undefined) return `Chunk ${row} and chunk ${column}: ${goes}.`;
  const why = reason(saving, sign);
  if (Math.abs(saving) < NOTHING)
    return `Reading ${column} changed the loss of chunk ${row} by next to nothing; ${goes}${why}.`;
  const did = saving > 0 ? 'lowered' : 'raised';
  return `Reading ${column} ${did} the loss of chunk ${row} by ${decimal(Math.abs(saving))} nats per token; ${goes}${why}.`;
}

/** Where S goes against what reading did: it follows the difference to what the row reads on average. */
function reason(saving: number, sign: PullSign): string {
  if (saving >= NOTHING && sign === '↓') return ', since what else it reads helps more';
  if (saving <= -NOTHING && sign === '↑') return ', since what else it reads hurts more';
  return '';
}

/** The difference that teaches, beside the gain that there is: both of the picture. Empty where no chunk has a partner. */
export function describeContrast(picture: Picture, teaching: Teaching): string {
  const contrast = contrastOf(picture, teaching);
  const gain = metricOf(picture.metrics, 'isolatedLoss') - metricOf(picture.metrics, 'ntpLoss');
  if (Number.isNaN(contrast)) return '';
  const size = decimal(Math.abs(contrast));
  const more = `Per unit of attention a partner saves ${size} ${contrast < 0 ? 'less' : 'more'} than another`;
  if (Number.isNaN(gain)) return `${more}.`;
  return `${more}; all reading ${gain < 0 ? 'costs' : 'saves'} ${decimal(Math.abs(gain))}.`;
}
