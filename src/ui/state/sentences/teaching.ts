import { metricOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import type { Moment } from '../moment.ts';
import { contrastOf, type Teaching } from '../teaching.ts';

/** Shares of the largest pull of a picture below which S is said to stay. */
const STILL = 0.02;

/** What reading a chunk saved, with its sign; a saving that rounds to nothing says so. */
export function savingWords(saving: number): string {
  const size = decimal(Math.abs(saving));
  if (Math.abs(saving) < 0.005) return 'next to nothing';
  return `${saving > 0 ? '+' : '−'}${size}`;
}

/** ↑ where similarity goes up next, ↓ where down, – where it hardly moves. */
export function pullSign(pull: number, { largestPull }: Pick<Teaching, 'largestPull'>): '↑' | '↓' | '–' {
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
  const goes = sign === '–' ? 'stays about where it is' : sign === '↑' ? 'rises' : 'falls';
  const next = subject === 'probe' ? `in a step on this batch its similarity ${goes}` : `its similarity ${goes}`;
  if (saving === undefined) return `Chunk ${row} and chunk ${column}: ${next}.`;
  const why = reason(saving, sign);
  if (Math.abs(saving) < 0.005)
    return `Reading ${column} changed the loss of chunk ${row} by next to nothing; ${next}${why}.`;
  const did = saving > 0 ? 'lowered' : 'raised';
  return `Reading ${column} ${did} the loss of chunk ${row} by ${decimal(Math.abs(saving))} nats per token; ${next}${why}.`;
}

/** Where S goes against what reading did: it follows the difference to what the row reads on average. */
function reason(saving: number, sign: ReturnType<typeof pullSign>): string {
  if (saving >= 0.005 && sign === '↓') return ', since what else it reads helps more';
  if (saving <= -0.005 && sign === '↑') return ', since what else it reads hurts more';
  return '';
}

/** The difference that teaches, beside the gain that there is: both of the picture. Empty where no chunk has a partner. */
export function describeContrast(picture: Picture, teaching: Teaching): string {
  const contrast = contrastOf(picture, teaching);
  const gain = metricOf(picture.metrics, 'isolatedLoss') - metricOf(picture.metrics, 'ntpLoss');
  if (Number.isNaN(contrast)) return '';
  const more = `A unit of attention saves ${decimal(Math.abs(contrast))} nats ${contrast < 0 ? 'less' : 'more'} on a partner than on another`;
  if (Number.isNaN(gain)) return `${more}.`;
  return `${more}; all reading together ${gain < 0 ? 'costs' : 'saves'} ${decimal(Math.abs(gain))}.`;
}
