import { moment } from '../../../components/time.ts';
import { differences } from '../labels.ts';
import type { RunSummary } from '../records/summary.ts';

/**
 * What the lines of compared runs are called: what tells their settings apart. Where that is the same, their names are added,
 * and where those are the same too, when they began.
 */
export function lineLabels(runs: readonly RunSummary[]): string[] {
  const apart = differences(runs.map(({ configuration }) => configuration));
  const named = distinguished(apart, (i) => runs[i]?.name ?? '');
  return distinguished(named, (i) => `begun ${moment(runs[i]?.createdAt ?? 0)}`);
}

/** Texts of which those that occur more than once are told apart by something more. */
function distinguished(texts: readonly string[], by: (i: number) => string): string[] {
  return texts.map((text, i) => {
    const isAlone = texts.indexOf(text) === texts.lastIndexOf(text);
    if (isAlone && text !== '') return text;
    return text === '' ? by(i) : `${text} · ${by(i)}`;
  });
}
