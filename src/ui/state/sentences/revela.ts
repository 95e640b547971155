import type { Configuration } from '../../../settings/configuration.ts';
import { matrixOf, metricOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import { readRows, type RowReading } from '../display.ts';
import type { Moment } from '../moment.ts';
import { describeProbe } from './probe.ts';
import { countFound, readsAllAlike, strongestPair } from './rows.ts';
import { lastSteps, recentScores, WINDOW, type RecentScores } from './scores.ts';
import { isGood, whyStuck } from './stuck.ts';
import type { Seen, Sentence } from './words.ts';

/** Who reads whom, whether that is the partner, what reading saves, and why nothing is learnt where that is so. */
export function describeReading(seen: Seen): Sentence {
  const { configuration, moment, picture, isMoving, order } = seen;
  const rows = readRows(picture.batch, matrixOf(picture, 'attention'), order, moment.history.table.pairs);
  const scores = recentScores(moment);
  const stuck = whyStuck(configuration, moment, picture, rows, scores);
  if (stuck !== undefined) return { text: stuck, stuck: true };
  if (moment.subject === 'probe') return { text: describeProbe(seen, rows), stuck: false };
  const text = isMoving ? lately(moment, rows, scores) : result(configuration, picture, rows, scores);
  return { text, stuck: false };
}

/** What the last steps show together: no single chunk is named, since each step has other ones. */
function lately(moment: Moment, rows: readonly RowReading[], { gain }: RecentScores): string {
  const { history, step } = moment;
  const judged = rows.filter(({ hasPartner, hasOther }) => hasPartner && hasOther).length;
  const mean = (metric: string): number => history.recentMean(metric, step, WINDOW);
  const [found, chance, read] = [mean('recallAt1'), mean('chance'), mean('effectiveDocuments')];
  const saves = gain >= 0.02 ? `, and reading saves ${decimal(gain)} nats per token` : '';
  if (Number.isNaN(found) || judged === 0)
    return Number.isNaN(read)
      ? ''
      : `${lastSteps(moment)} a chunk reads ${decimal(read)} of ${rows.length - 1} others on average${saves}.`;
  const of = (share: number): string => (share * judged).toFixed(1);
  return `${lastSteps(moment)} ${of(found)} of ${judged} chunks find their partner first on average (by chance ${of(chance)})${saves}.`;
}

function result(c: Configuration, picture: Picture, rows: readonly RowReading[], scores: RecentScores): string {
  const read = metricOf(picture.metrics, 'effectiveDocuments');
  const saves = scores.gain >= 0.02 ? `, and reading saves ${decimal(scores.gain)} nats per token` : '';
  const count = countFound(rows);
  if (readsAllAlike(picture)) {
    const early = `Each chunk still reads all others about alike (${decimal(read)} of ${rows.length - 1})`;
    if (isGood(scores)) return `${early}: the ranking is right, but τ ${decimal(c.temperature)} is soft${saves}.`;
    return `${early}: the retriever has not made up its mind yet.${count === '' ? '' : ` ${count}.`}`;
  }
  const judged = strongestPair(rows, c.source);
  return count !== ''
    ? `${judged} ${count}${saves}.`
    : `${judged}${saves.replace(', and reading', ' Reading')}${saves ? '.' : ''}`;
}
