import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { Lab } from '../../src/lab/lab.ts';
import { configure } from '../../src/settings/configuration.ts';
import { failureOf } from '../harness/labFailure.ts';

const TINY = configure({
  chunks: 4,
  chunkTokens: 16,
  layers: 1,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  evaluateEvery: 1000,
  heldOutBatches: 1,
});

let events: LabEvent[] = [];
let lab: Lab;
beforeAll(() => {
  lab = new Lab(nodeGpu(), (event) => events.push(event));
});
afterAll(() => lab.close());

/** Losses of three steps, with something done after the first. */
async function losses(between: () => Promise<unknown>): Promise<unknown[]> {
  events = [];
  await lab.ask({ type: 'configure', configuration: TINY });
  await lab.ask({ type: 'step' });
  await between();
  await lab.ask({ type: 'step' });
  await lab.ask({ type: 'step' });
  return events.flatMap((event) => (event.type === 'step' ? [event.record.metrics.gradientNorm] : []));
}

test('measuring beside an open run changes no bit of it, and stopped it answers with what there is', async () => {
  const plain = await losses(() => Promise.resolve());
  const told: number[] = [];
  const measured = await losses(async () => {
    const control = new AbortController();
    const { signal } = control;
    const report = await lab.ask(
      { type: 'measureScaling', configuration: TINY, axes: ['chunks'] },
      {
        signal,
        onProgress: ({ done }) => {
          told.push(done);
          if (done === 2) control.abort();
        },
      },
    );
    expect(report.curves.flatMap(({ points }) => points)).toHaveLength(2);
    expect(report.configuration).toEqual(TINY);
  });
  expect(plain).toHaveLength(3);
  expect(measured).toEqual(plain);
  expect(told.slice(0, 3)).toEqual([0, 1, 2]);
  // It is nobody's run: none was opened for it.
  expect(events.filter(({ type }) => type === 'opened')).toHaveLength(1);
});

test('without a GPU it says so', async () => {
  const without = new Lab(undefined, () => undefined);
  const asked = without.ask({ type: 'measureScaling', configuration: TINY, axes: ['rank'] });
  expect((await failureOf(asked))?.kind).toBe('noWebGpu');
  await without.close();
});
