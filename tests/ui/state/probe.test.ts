import { describe, expect, it } from 'vitest';
import { metricOf, type ProbeRecord } from '../../../src/run/record.ts';
import { History, MAXIMUM_SNAPSHOTS } from '../../../src/ui/state/history/history.ts';
import { arrival, momentAt, reachOf } from '../../../src/ui/state/moment.ts';
import { Stage } from '../../../src/ui/state/stage.svelte.ts';
import { PROBE_BATCH, probeRecord, record, REVELA, runOf } from '../records.ts';

/** A run of so many steps, with the probe looked at after every fourth. */
function historyOf(steps: number): History {
  const history = new History(REVELA);
  history.addProbe('heldOut', PROBE_BATCH, probeRecord(0));
  for (let step = 1; step <= steps; step++) {
    history.add(record(step));
    if (step % 4 === 0) history.addProbe('heldOut', PROBE_BATCH, probeRecord(step, { contrast: step / 100 }));
  }
  return history;
}

const stepsOf = (records: readonly { readonly metrics: { readonly step: number } }[]): number[] =>
  records.map(({ metrics }) => metrics.step);

describe('the batch that stays the same', () => {
  it('has its numbers at every look, and pictures as bounded as those of steps', () => {
    const { probe } = historyOf(4000);
    expect(probe!.length).toBe(1001);
    expect(probe!.column('contrast').at(-1)).toBe(40);
    const drawn = stepsOf(probe!.snapshots);
    expect(drawn.length).toBeLessThanOrEqual(MAXIMUM_SNAPSHOTS + 2 * REVELA.probeMetrics.length + 1);
    expect(drawn.length).toBeGreaterThanOrEqual(MAXIMUM_SNAPSHOTS / 2);
    expect([drawn[0], drawn.at(-1)]).toEqual([0, 4000]);
    expect([...drawn].sort((a, b) => a - b)).toEqual(drawn);
  });

  it('is kept whole as plain data, and comes back the same', () => {
    const probe = historyOf(2000).probe!.toProbe();
    expect(probe.records).toHaveLength(501);
    const drawn = probe.records.filter((one) => one.attention !== undefined);
    expect(drawn.length).toBeLessThan(260);
    expect(drawn.every((one) => !('batch' in one))).toBe(true);
    const back = History.from({ ...runOf([record(1)]), probe }).probe!;
    expect(stepsOf(back.snapshots)).toEqual(stepsOf(drawn));
    expect(back.toProbe()).toEqual(probe);
    expect(back.snapshots[3]?.batch).toBe(probe.batch);
  });

  it('seen again after as many updates is left out; another batch, or one of other text, begins anew', () => {
    const history = historyOf(8);
    history.addProbe('heldOut', structuredClone(PROBE_BATCH), probeRecord(8, { contrast: 9 }));
    expect(stepsOf(history.probe!.snapshots)).toEqual([0, 4, 8]);
    expect(metricOf(history.probe!.snapshots.at(-1)!.metrics, 'contrast')).toBe(0.08);
    history.addProbe('training', PROBE_BATCH, probeRecord(12));
    expect([history.probe!.of, stepsOf(history.probe!.snapshots)]).toEqual(['training', [12]]);
    const other = { chunks: PROBE_BATCH.chunks.map((chunk) => ({ ...chunk, text: `${chunk.text}!` })) };
    history.addProbe('training', other, probeRecord(16));
    expect(stepsOf(history.probe!.snapshots)).toEqual([16]);
  });

  it('comes before the first step of a run, and is not lost by that', () => {
    const stage = new Stage();
    const look = (one: ProbeRecord) =>
      stage.addProbe({ type: 'probe', of: 'heldOut', batch: PROBE_BATCH, record: one });
    look(probeRecord(0));
    stage.addStep(record(1), undefined);
    look(probeRecord(1));
    expect(stepsOf(stage.history.probe!.snapshots)).toEqual([0, 1]);
    // A kept run is looked at meanwhile: what comes in belongs to the one trained here.
    stage.show({ name: 'kept', history: new History(REVELA), configuration: stage.configuration, corpus: undefined });
    look(probeRecord(2));
    expect(stage.history.probe).toBeUndefined();
    stage.comeBack();
    expect(stepsOf(stage.history.probe!.snapshots)).toEqual([0, 1, 2]);
  });
});

describe('the moment', () => {
  it('is of the probe where there is one, and the step’s own record is that of the step', () => {
    const reach = reachOf(historyOf(10));
    expect(momentAt(reach, undefined)).toMatchObject({ subject: 'probe', step: 8, earliest: 0, last: 10 });
    expect(momentAt(reach, 7)).toMatchObject({ subject: 'probe', step: 4 });
    expect(momentAt(reach, 7).record?.metrics.step).toBe(4);
    expect(momentAt(reach, 0)).toMatchObject({ step: 0, record: undefined });
    expect(momentAt(reach, 7, 'step')).toMatchObject({ subject: 'step', step: 7, earliest: 1 });
    const without = History.from(runOf([record(1), record(2)]));
    expect(momentAt(reachOf(without), undefined)).toMatchObject({ subject: 'step', step: 2 });
  });

  it('takes whoever travels to a look at the probe', () => {
    const moment = momentAt(reachOf(historyOf(12)), 4);
    expect([4, 5, 7, 8, 3, 0, 99].map((step) => arrival(moment, step))).toEqual([4, 8, 8, 8, 0, 0, 12]);
  });
});
