import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { continued } from '../../../src/ui/panels/runs/records/continued.ts';
import { record, runOf } from '../records.ts';
import { page, type TrainingSession } from './keptRuns.ts';

beforeEach(() => {
  const stored = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  });
});
afterEach(() => vi.unstubAllGlobals());

type On = ReturnType<typeof page>;

/** What is put off has happened, storage has answered, and the list is read anew. */
async function settle({ runs }: On): Promise<void> {
  runs.follow();
  await new Promise((settled) => setTimeout(settled));
  await runs.refresh();
}

/** A run of so many steps that is saved at an earlier one. */
async function trained(on: On, steps: number, savedAt: number): Promise<string> {
  on.session.train({ seed: steps }, savedAt);
  on.session.save();
  on.session.goOn(steps - savedAt);
  await settle(on);
  return on.session.runId;
}

/** Records and weights of the list, by their steps. */
const steps = ({ runs }: On) => runs.list?.map(({ record: kept, weights }) => [kept?.steps, weights?.step]);
const row = ({ runs }: On, id: string) => runs.list!.find((run) => run.id === id)!;
const askedFor = ({ session }: On) => session.asked.map(({ type }) => type);

describe('the list', () => {
  it('has every run once: with its record, its weights, or both', async () => {
    const on = page();
    const first = await trained(on, 6, 4);
    on.session.train({ seed: 2 }, 3);
    await settle(on);
    expect(steps(on)).toEqual([
      [3, undefined],
      [6, 4],
    ]);
    // Another tab, or the browser, has deleted the record.
    on.session.train({ seed: 3 }, 1);
    await settle(on);
    on.store.kept.delete(first);
    await on.runs.refresh();
    expect(steps(on)).toContainEqual([undefined, 4]);
    expect(row(on, first)).toMatchObject({ name: 'Small models', record: undefined });
  });

  it('has what is saved where the browser keeps no records', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    const other = page();
    other.session.saved.set(id, on.session.saved.get(id)!);
    other.store.isMissing = true;
    await other.runs.refresh();
    await other.runs.weights.list();
    expect(steps(other)).toEqual([[undefined, 4]]);
  });

  it('notices what another tab has deleted, when it is to go on', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    on.session.train({ seed: 2 }, 3);
    await settle(on);
    on.session.saved.delete(id);
    await on.runs.goOn(id);
    expect(on.runs.problems).toEqual(['It is not there any more.']);
    expect(row(on, id).weights).toBeUndefined();
    expect(row(on, id).record?.steps).toBe(6);
  });
});

describe('a run that goes on', () => {
  it('stays the same run of the list, in another visit too', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    await on.runs.rename(id, 'Mine');
    const { createdAt } = row(on, id);
    const next = page();
    for (const [key, kept] of on.store.kept) next.store.kept.set(key, kept);
    for (const [key, saved] of on.session.saved) next.session.saved.set(key, saved);
    await next.runs.refresh();
    await next.runs.weights.list();
    await next.runs.goOn(id);
    expect(next.runs.chosenId).toBe(id);
    await settle(next);
    expect(next.session.history.snapshots.map(({ metrics }) => metrics.step)).toEqual([1, 2, 3, 4]);
    expect(steps(next), 'nothing is given up before there is more').toEqual([[6, 4]]);
    next.session.goOn(1);
    await settle(next);
    expect(steps(next)).toEqual([[5, 4]]);
    expect(row(next, id)).toMatchObject({ name: 'Mine', createdAt });
    expect(next.store.kept.get(id)?.run.snapshots.map(({ metrics }) => metrics.step)).toEqual([1, 2, 3, 4, 5]);
  });

  it('may be the one that is on, or the one before it', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    await on.runs.goOn(id);
    on.session.goOn(3);
    await settle(on);
    expect(steps(on)).toEqual([[7, 4]]);
    on.session.train({ seed: 2 }, 2);
    await settle(on);
    await on.runs.goOn(id);
    on.session.goOn(4);
    await settle(on);
    expect([row(on, id).record?.steps, on.runs.list?.length]).toEqual([8, 2]);
    expect(on.runs.currentId).toBe(id);
  });

  it('comes with what is to be known of it, as long as it is on', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    const remark = async (said: TrainingSession['putBackAs']) => {
      on.session.putBackAs = said;
      await on.runs.goOn(id);
      return on.runs.weights.remark;
    };
    const copied = 'Another tab has this run open: a copy of it goes on here, as a run of its own.';
    expect(await remark({ isCopy: true })).toBe(copied);
    expect(await remark({ without: 'There are no subgroups.' })).toBe('There are no subgroups.');
    expect(await remark({ isCopy: true, without: 'There are no subgroups.' })).toBe(
      `${copied} There are no subgroups.`,
    );
    expect(await remark({})).toBeUndefined();
  });

  it('without a record gets one, under the name that it had', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    const next = page();
    for (const [key, saved] of on.session.saved) next.session.saved.set(key, { ...saved, name: 'Of an older page' });
    await next.runs.refresh();
    await next.runs.weights.list();
    await next.runs.goOn(id);
    await settle(next);
    expect(steps(next)).toEqual([[4, 4]]);
    expect(row(next, id)).toMatchObject({ name: 'Of an older page', createdAt: 1004 });
  });
});

describe('deleting a run', () => {
  it('deletes its record and its weights, and brings the record back', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    on.session.train({ seed: 2 }, 3);
    await settle(on);
    await on.runs.remove(row(on, id));
    await settle(on);
    expect(steps(on)).toEqual([[3, undefined]]);
    expect([on.session.saved.size, on.runs.deleted?.hadWeights]).toEqual([0, true]);
    await on.runs.undelete();
    expect(steps(on)).toEqual([
      [3, undefined],
      [6, undefined],
    ]);
  });

  it('that is on keeps it from being saved again by itself; brought back, it is saved where it stands', async () => {
    const on = page();
    on.session.train({ seed: 1 }, 5);
    await settle(on);
    const id = on.session.runId;
    await on.runs.remove(row(on, id));
    expect(on.session.asked).toEqual([{ type: 'deleteSavedRun', id }]);
    expect(steps(on)).toEqual([]);
    await on.runs.undelete();
    await settle(on);
    expect(steps(on)).toEqual([[5, 5]]);
  });

  it('that has no record deletes its weights', async () => {
    const on = page();
    const id = await trained(on, 6, 4);
    const next = page();
    next.session.saved.set(id, on.session.saved.get(id)!);
    await next.runs.refresh();
    await next.runs.weights.list();
    await next.runs.remove(row(next, id));
    await settle(next);
    expect([steps(next), next.session.saved.size]).toEqual([[], 0]);
    expect(next.runs.deleted).toBeUndefined();
  });
});

it('a new name is that of the record and of the weights', async () => {
  const on = page();
  const id = await trained(on, 6, 4);
  await on.runs.rename(id, 'Mine');
  expect([row(on, id).name, on.session.saved.get(id)?.name]).toEqual(['Mine', 'Mine']);
});

describe('a page that may be closed', () => {
  it('asks for a save where there is something new, and only there', async () => {
    const on = page();
    await on.runs.weights.secure();
    await trained(on, 4, 4);
    await on.runs.weights.secure();
    expect(askedFor(on)).toEqual([]);
    on.session.goOn(1);
    await on.runs.weights.secure();
    expect(on.session.asked).toEqual([{ type: 'saveRun', ifWorthIt: true }]);
  });
});

describe('a visit', () => {
  it('offers the run that was saved last, by the name that the reader knows it by', async () => {
    const on = page();
    await trained(on, 6, 4);
    const id = await trained(on, 9, 8);
    await on.runs.rename(id, 'Mine');
    const next = page();
    for (const [key, kept] of on.store.kept) next.store.kept.set(key, kept);
    for (const [key, saved] of on.session.saved) next.session.saved.set(key, { ...saved, name: 'Small models' });
    await next.runs.offerEarlier();
    const { offered } = next.runs.weights;
    expect(offered).toMatchObject({ id, step: 8 });
    expect(offered && next.runs.nameOf(offered)).toBe('Mine');
  });

  it('asks the lab for nothing where nothing was ever saved', async () => {
    const on = page();
    await on.runs.offerEarlier();
    expect(askedFor(on)).toEqual([]);
  });
});

describe('the record of a run that goes on', () => {
  const stepsOf = (run: ReturnType<typeof continued>) => [
    run?.metrics.map(({ step }) => step),
    run?.snapshots.map(({ metrics }) => metrics.step),
    run?.evaluations.map(({ step }) => step),
  ];
  const upTo = (last: number, pictures: readonly number[]) => ({
    ...runOf(Array.from({ length: last }, (_, i) => record(i + 1))),
    snapshots: pictures.map((step) => record(step)),
    evaluations: [{ step: 0 }, { step: last }],
  });

  it('ends where it goes on', () => {
    const kept = upTo(6, [1, 3, 6]);
    expect(stepsOf(continued(kept, upTo(4, [4]), 4))).toEqual([[1, 2, 3, 4], [1, 3], [0]]);
  });

  it('has the steps that were saved with the weights where the page was closed before it kept them', () => {
    expect(stepsOf(continued(upTo(3, [1, 3]), upTo(5, [5]), 5))).toEqual([
      [1, 2, 3, 4, 5],
      [1, 3, 5],
      [0, 3, 5],
    ]);
  });

  it('is what was saved where the page has none', () => {
    const saved = upTo(5, [5]);
    expect(continued(undefined, saved, 5)).toBe(saved);
    expect(continued(undefined, undefined, 5)).toBeUndefined();
  });
});
