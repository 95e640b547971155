import { describe, expect, it } from 'vitest';
import { page } from './keptRuns.ts';

/** Numbers, settings and lengths of the lines of a comparison. */
const linesOf = ({ runs }: ReturnType<typeof page>) =>
  runs.comparedRuns().map(({ place, summary, history }) => [place, summary.configuration.seed, history.lastStep]);

/** Trains a run of this seed, and waits until it is kept. */
async function trained(on: ReturnType<typeof page>, seed: number, steps: number): Promise<string> {
  on.session.train({ seed }, steps);
  on.runs.follow();
  await on.runs.refresh();
  return on.runs.currentId ?? '';
}

describe('compared runs', () => {
  it('stay with their numbers when the next run begins', async () => {
    const on = page();
    const other = await trained(on, 1, 4);
    const first = await trained(on, 2, 5);
    await on.runs.compare(first);
    await on.runs.compare(other);
    expect(linesOf(on)).toEqual([
      [0, 2, 5],
      [1, 1, 4],
    ]);
    const second = await trained(on, 3, 7);
    await on.runs.compare(second);
    expect(linesOf(on)).toEqual([
      [0, 2, 5],
      [1, 1, 4],
      [2, 3, 7],
    ]);
    on.session.goOn(2);
    expect(linesOf(on)[2]).toEqual([2, 3, 9]);
  });

  it('do not take the number of one that is still being read', async () => {
    const on = page();
    const slow = await trained(on, 1, 4);
    const current = await trained(on, 2, 5);
    const reading = on.runs.compare(slow);
    await on.runs.compare(current);
    expect(linesOf(on)).toEqual([[1, 2, 5]]);
    await reading;
    expect(linesOf(on)).toEqual([
      [0, 1, 4],
      [1, 2, 5],
    ]);
  });

  it('lose their tick when they cannot be read or are gone', async () => {
    const on = page();
    const gone = await trained(on, 1, 4);
    const current = await trained(on, 2, 5);
    await on.runs.compare(gone);
    await on.runs.compare(current);
    on.store.kept.delete(gone);
    await on.runs.refresh();
    expect(on.runs.compared).toEqual([current]);
    await on.runs.compare(gone);
    expect(on.runs.compared).toEqual([current]);
    expect(linesOf(on)).toEqual([[0, 2, 5]]);
  });
});
