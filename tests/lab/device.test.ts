import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { failureOf } from '../harness/labFailure.ts';

let events: LabEvent[];
let lab: Lab;
beforeAll(() => {
  events = [];
  lab = new Lab(nodeGpu(), (event) => events.push(event));
});
afterAll(() => lab.close());

test('the device is measured beside the run, and whoever stops it has what there is', async () => {
  const control = new AbortController();
  let told = 0;
  const report = await lab.ask(
    { type: 'measureDevice', host: 'a test' },
    { signal: control.signal, onProgress: ({ done }) => void (++told, done === 2 && control.abort()) },
  );
  expect(report).toMatchObject({ version: 1, host: 'a test', steps: [] });
  expect(report.peak.gflops).toBeGreaterThan(0);
  expect(report.peak.gbytes).toBeGreaterThan(0);
  expect(report.works).toHaveLength(1);
  expect(report.leftOut.length).toBeGreaterThan(10);
  expect(told).toBeGreaterThan(2);
  // Nothing of the session was opened for it.
  expect(events).toEqual([]);
});

test('without a GPU it says so', async () => {
  const without = new Lab(undefined, () => undefined);
  const failed = await failureOf(without.ask({ type: 'measureDevice', host: 'a test' }));
  expect(failed?.kind).toBe('noWebGpu');
  await without.close();
});
