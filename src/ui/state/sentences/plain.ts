import { RECALL } from '../../../objectives/recallMetrics.ts';
import { matrixOf } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import { matrixNamed, readRows } from '../display.ts';
import { freshScores, lastSteps, scoreSentence, WINDOW } from './scores.ts';
import type { Seen, Sentence } from './words.ts';

/** Which rows have found what is right for them, beside chance, and how well the retriever does where it was scored last. */
export function describePlainly({ moment, picture, isMoving, order }: Seen): Sentence {
  const { history } = moment;
  const { table } = history;
  const { pairs } = table;
  const rows = readRows(picture.batch, matrixOf(picture, matrixNamed(table, undefined).key), order, pairs);
  const isOnDiagonal = pairs.diagonal === 'answer';
  const judged = isOnDiagonal ? rows : rows.filter(({ hasPartner, hasOther }) => hasPartner && hasOther);
  const found = judged.filter(({ row, most, isPartner }) => (isOnDiagonal ? row === most : isPartner)).length;
  const chance = isOnDiagonal ? `; by chance 1 of ${rows.length}` : '';
  const count = judged.length > 0 ? `${found} of ${judged.length} ${pairs.found}${chance}.` : '';
  return { text: `${isMoving ? averaged() : count} ${scored()}`.trim(), stuck: false };

  function averaged(): string {
    const { key, label } = table.stepMetrics.find((one) => one.key !== table.headline) ?? RECALL;
    const value = history.recentMean(key, moment.step, WINDOW);
    return Number.isNaN(value) ? '' : `${lastSteps(moment)} ${label}: ${decimal(value)} on average.`;
  }

  function scored(): string {
    const scores = freshScores(moment);
    const sentence = scores && scoreSentence(scores, table.score);
    if (sentence) return sentence;
    return rows.every(({ hasPartner }) => !hasPartner)
      ? 'No chunk here has a partner from its own document, so recall cannot be measured on this batch.'
      : '';
  }
}
