import { tableOf } from '../../src/objectives/tables.ts';
import { matrixOf, probePicture, tokenRowsOf } from '../../src/run/record.ts';
import { teachingOf } from '../../src/ui/state/teaching.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { configure } from '../../src/settings/configuration.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { InspectCommand, LabEvent } from '../../src/lab/door/protocol.ts';
import { STOPPED } from '../../src/lab/door/labError.ts';
import type { AttributionView } from '../../src/lab/door/views.ts';
import { failureOf } from '../harness/labFailure.ts';

const TINY = {
  chunks: 4,
  layers: 2,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  evaluateEvery: 2,
  heldOutBatches: 1,
  warmup: 0,
};

type Of<T extends LabEvent['type']> = Extract<LabEvent, { type: T }>;

let events: LabEvent[];
let lab: Lab;
const all = <T extends LabEvent['type']>(type: T) =>
  events.filter((event): event is Of<T> => (event.type as string) === type);
const configured = (changes: Record<string, unknown> = {}) =>
  lab.ask({ type: 'configure', configuration: configure({ ...TINY, ...changes }) });
const attribute = (step: AttributionView['step']) => lab.ask({ type: 'attribute', step });

beforeAll(() => {
  lab = new Lab(nodeGpu(), (event) => events.push(event));
});
beforeEach(() => {
  events = [];
});
afterAll(() => lab.close());

test.each([{}, { trained: 'lora', checkpointing: true, learnGate: true, accumulation: 2 }, { attention: 'uniform' }])(
  'steps, matrices and scores are the same to the bit with inspections in between: %o',
  async (changes) => {
    const run = async (look: boolean) => {
      events = [];
      const attributions: AttributionView[] = [];
      await configured(changes);
      for (let step = 1; step <= 3; step++) {
        await lab.ask({ type: 'step' });
        if (!look) continue;
        await lab.ask({ type: 'inspectPair', step, query: 0, context: 1 });
        attributions.push(await attribute(step));
      }
      const records = all('step').map(({ record: { metrics, ...pictures } }) => ({
        ...pictures,
        losses: [metrics.ntpLoss, metrics.isolatedLoss],
        norms: [metrics.gradientNorm, metrics.retrieverGradientNorm, metrics.languageModelGradientNorm],
      }));
      return { seen: { records, evaluations: all('evaluation') }, attributions };
    };
    const { seen, attributions } = await run(true);
    expect(attributions.map(({ batch }) => batch)).toEqual(seen.records.map(({ batch }) => batch));
    expect((await run(false)).seen).toEqual(seen);
  },
);

test('the batch of any step so far is looked at with the weights as they are, and says so', async () => {
  await configured();
  for (let step = 0; step < 2; step++) await lab.ask({ type: 'step' });
  const [first, second] = all('step');
  const pair = await lab.ask({ type: 'inspectPair', step: 1, query: 3, context: 1, layer: 0 });
  const fractions: number[] = [];
  const attribution = await lab.ask(
    { type: 'attribute', step: 2 },
    { onProgress: (fraction) => fractions.push(fraction) },
  );
  expect(pair).toMatchObject({
    step: 1,
    updates: 2,
    query: 3,
    context: 1,
    layer: 0,
    heads: 2,
    batch: first?.record.batch,
  });
  expect(pair.probabilities).toHaveLength(2 * pair.queryTokens * pair.contextTokens);
  const [query, context] = [3, 1].map((chunk) => first?.record.batch.chunks[chunk]?.tokens.length);
  expect([pair.queryTokens, pair.contextTokens]).toEqual([query, context]);

  expect(attribution).toMatchObject({ step: 2, updates: 2, batch: second?.record.batch });
  // The step was taken since: the losses are no longer those of its record.
  const then = tokenRowsOf(second!.record, 'tokenLoss')[0]!;
  expect(attribution.tokenLoss[0]).toHaveLength(then.length);
  expect(Array.from(attribution.tokenLoss[0]!)).not.toEqual(then);
  expect(attribution.leaveOneOut?.map((gains) => gains.length)).toEqual(
    second!.record.batch.chunks.map(({ tokens }) => 4 * (tokens.length - 1)),
  );
  expect([fractions[0], fractions.at(-1)]).toEqual([0, 1]);
});

test('the batch that stays the same is looked into as any other, and as its own pictures say', async () => {
  await configured();
  for (let step = 0; step < 2; step++) await lab.ask({ type: 'step' });
  const probe = all('probe').at(-1)!;
  expect(probe.record.metrics.step).toBe(2);
  const { chunks } = probe.batch;
  const pair = await lab.ask({ type: 'inspectPair', step: 'probe', query: 1, context: 3 });
  expect(pair).toMatchObject({ step: 'probe', updates: 2, batch: probe.batch });
  const at = chunks.length + 3;
  expect(pair.attention).toBeCloseTo(matrixOf(probe.record, 'attention')[at]!, 5);
  // What the page says of its cells is what an attribution says to first order.
  const attribution = await attribute('probe');
  expect(attribution).toMatchObject({ step: 'probe', updates: 2, batch: probe.batch });
  const { savings } = teachingOf(tableOf({ objective: 'revela' }), probePicture(probe, probe.record))!;
  const largest = Math.max(...savings!.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  savings!.forEach((saving, i) => expect(Math.abs(saving - attribution.firstOrder[i]!)).toBeLessThan(1e-3 * largest));
});

test('while training goes on, it is looked at between two steps', async () => {
  await configured();
  const training = lab.ask({ type: 'train' });
  while (all('step').length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await lab.ask({ type: 'inspectPair', step: 1, query: 0, context: 1 });
  const seen = all('step').length;
  while (all('step').length < seen + 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await lab.ask({ type: 'pause' });
  await training;
});

test('an attribution is stopped, which is nobody’s mistake, and the run goes on', async () => {
  await configured();
  await lab.ask({ type: 'step' });
  const control = new AbortController();
  const stopped = lab.ask(
    { type: 'attribute', step: 1 },
    { signal: control.signal, onProgress: () => control.abort() },
  );
  expect(await failureOf(stopped)).toEqual(STOPPED);
  await lab.ask({ type: 'step' });
  expect(all('step')).toHaveLength(2);
});

test.each([
  [{ type: 'inspectPair', step: 2, query: 0, context: 1 }, /step to look at is 2/],
  [{ type: 'inspectPair', step: 1, query: 0, context: 4 }, /chunk that is read is 4/],
  [{ type: 'inspectPair', step: 1, query: 0, context: 1, layer: 9 }, /layer is 9/],
  [{ type: 'inspectPair', step: 1, query: 1, context: 1 }, /No chunk reads itself/],
  [{ type: 'attribute', step: 0.5 }, /step to look at is 0.5/],
] satisfies [InspectCommand, RegExp][])(
  'what is not there is refused in words, and the run goes on: %o',
  async (command, words) => {
    await configured();
    await lab.ask({ type: 'step' });
    const error = await failureOf(lab.ask(command));
    expect(error?.kind).toBe('badInput');
    expect(error?.message).toMatch(words);
    await lab.ask({ type: 'step' });
    expect(all('step')).toHaveLength(2);
  },
);
