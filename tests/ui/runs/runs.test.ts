import { describe, expect, it } from 'vitest';
import { writeRun } from '../../../src/ui/panels/runs/records/runFile.ts';
import { page } from './keptRuns.ts';
import { record, runOf } from '../records.ts';

/** Numbers, settings and lengths of the lines of a comparison. */
const linesOf = ({ runs }: ReturnType<typeof page>) =>
  runs.comparedRuns().map(({ place, summary, history }) => [place, summary.configuration.seed, history.lastStep]);

/** Trains a run of this seed, and waits for what storage says of it. */
async function trained(on: ReturnType<typeof page>, seed: number, steps: number): Promise<string> {
  on.session.train({ seed }, steps);
  on.runs.follow();
  await new Promise((settled) => setTimeout(settled));
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

  it('are six at most, numbered in the order of ticking', async () => {
    const on = page();
    const ids: string[] = [];
    for (let seed = 1; seed <= 7; seed++) ids.unshift(await trained(on, seed, seed));
    for (const id of ids) await on.runs.compare(id);
    expect(linesOf(on)).toEqual([7, 6, 5, 4, 3, 2].map((seed, place) => [place, seed, seed]));
    await on.runs.compare(ids[1] ?? '');
    await on.runs.compare(ids[6] ?? '');
    expect(linesOf(on)).toEqual([7, 5, 4, 3, 2, 1].map((seed, place) => [place, seed, seed]));
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

describe('full storage', () => {
  it('is said, and the run is kept as soon as another is deleted', async () => {
    const on = page();
    const old = await trained(on, 1, 4);
    on.store.room = 1;
    await trained(on, 2, 5);
    const [unkept, kept] = on.runs.list ?? [];
    expect(on.runs.unkept).toMatch(/storage is full: this run is not kept\./);
    expect(on.runs.keptStep(unkept?.id ?? '')).toBe(0);
    expect(kept?.id).toBe(old);
    if (kept) await on.runs.remove(kept);
    expect(on.runs.unkept).toBeUndefined();
    expect(on.runs.problems).toEqual([]);
    expect([...on.store.kept.values()].map(({ configuration }) => configuration.seed)).toEqual([2]);
  });

  it('leaves a run unkept, and says so, when what is deleted makes no room', async () => {
    const on = page();
    await trained(on, 1, 4);
    const older = await trained(on, 2, 4);
    on.store.room = 1;
    await trained(on, 3, 5);
    const summary = on.runs.list?.find(({ id }) => id === older);
    if (summary) await on.runs.remove(summary);
    expect(on.runs.unkept).toMatch(/not kept/);
    await on.runs.undelete();
    expect(on.runs.deleted).toBeUndefined();
    expect(on.runs.list?.map(({ record }) => record?.configuration.seed)).toEqual([3, 2, 1]);
    expect(on.runs.keptStep(older)).toBe(0);
  });

  it('says up to where a run is kept that was kept before, and keeps it when there is room', async () => {
    const on = page();
    const id = await trained(on, 1, 4);
    on.store.isMissing = true;
    on.session.goOn(3);
    on.runs.follow();
    await on.runs.refresh();
    expect(on.runs.unkept).toMatch(/kept up to step 4 only/);
    on.store.isMissing = false;
    on.session.goOn(1);
    on.runs.follow();
    await on.runs.refresh();
    expect(on.runs.unkept).toBeUndefined();
    expect(on.store.kept.get(id)?.run.metrics).toHaveLength(8);
  });

  it('takes no file, chooses nothing and names the file', async () => {
    const on = page();
    const current = await trained(on, 1, 4);
    on.runs.chosenId = current;
    on.store.room = 1;
    const content = writeRun(runOf([record(1), record(2)]));
    await on.runs.importFiles([new File(['{}'], 'bad.json'), new File([content], 'good.json')]);
    expect(on.runs.fileProblems).toEqual([
      expect.stringMatching(/^bad\.json holds no run/),
      expect.stringMatching(/storage is full: good\.json was not added\./),
    ]);
    expect(on.runs.chosenId).toBe(current);
    expect(on.runs.list).toHaveLength(1);
    on.store.room = 2;
    await on.runs.importFiles([new File([content], 'good.json')]);
    expect(on.runs.fileProblems).toEqual([]);
    expect(on.runs.chosen?.name).toBe('A run');
  });

  it('keeps a deleted run to be had when it cannot be put back', async () => {
    const on = page();
    const old = await trained(on, 1, 4);
    await trained(on, 2, 4);
    await trained(on, 3, 4);
    const summary = on.runs.list?.find(({ id }) => id === old);
    if (summary) await on.runs.remove(summary);
    on.store.room = 2;
    await on.runs.undelete();
    expect(on.runs.problem).toMatch(/was not put back/);
    on.store.room = 3;
    await on.runs.undelete();
    expect(on.store.kept.has(old)).toBe(true);
    expect(on.runs.deleted).toBeUndefined();
  });
});

describe('without storage', () => {
  it('the run trained last and the one before it can be compared, shown and deleted', async () => {
    const on = page();
    on.store.isMissing = true;
    const first = await trained(on, 1, 4);
    await on.runs.compare(first);
    const second = await trained(on, 2, 5);
    await on.runs.compare(second);
    expect(linesOf(on)).toEqual([
      [0, 1, 4],
      [1, 2, 5],
    ]);
    expect(on.runs.unkept).toMatch(/the run trained last and the one before it, until it is closed/);
    const before = on.runs.list?.find(({ id }) => id === first);
    if (before) await on.runs.open(before);
    expect(on.session.shown).toBe(before?.name);
    await trained(on, 3, 6);
    expect(on.runs.problem).toMatch(/was not kept and is gone/);
    expect(on.runs.compared).toEqual([second]);
    const row = on.runs.list?.find(({ id }) => id === second);
    if (row) await on.runs.remove(row);
    expect(on.runs.list?.map(({ record }) => record?.configuration.seed)).toEqual([3]);
  });
});

describe('a run that cannot be read', () => {
  it('is neither shown, compared, copied nor handed out, but deleted; the others are as they were', async () => {
    const on = page();
    const damaged = await trained(on, 1, 4);
    const whole = await trained(on, 2, 4);
    await trained(on, 3, 4);
    await trained(on, 4, 4);
    on.store.damaged.add(damaged);
    const row = on.runs.list?.find(({ id }) => id === damaged);
    if (!row) throw new Error('The run is not listed.');
    const refused = [
      () => on.runs.open(row),
      () => on.runs.compare(damaged),
      () => on.runs.duplicate(row),
      () => on.runs.exportRun(row),
    ];
    for (const act of refused) {
      await act();
      expect(on.runs.problems).toEqual([expect.stringMatching(/^This run cannot be read .*columns\.step/)]);
    }
    expect(on.session.shown).toBeUndefined();
    expect(on.runs.compared).toEqual([]);
    await on.runs.compare(whole);
    expect(on.runs.problems).toEqual([]);
    expect(linesOf(on)).toEqual([[0, 2, 4]]);
    await on.runs.remove(row);
    expect(on.runs.problems).toEqual([]);
    expect(on.runs.list).toHaveLength(3);
    expect(on.runs.deleted).toBeUndefined();
  });
});
