import { tokenRowsOf } from '../../src/run/record.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { configure } from '../../src/settings/configuration.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { LabCommand, LabEvent } from '../../src/lab/door/protocol.ts';

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
  lab.handle({ type: 'configure', configuration: configure({ ...TINY, ...changes }) });
const LOOKS = (step: number): LabCommand[] => [
  { type: 'inspectPair', step, query: 0, context: 1 },
  { type: 'attribute', step },
];

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
      await configured(changes);
      for (let step = 1; step <= 3; step++) {
        await lab.handle({ type: 'step' });
        if (look) for (const command of LOOKS(step)) await lab.handle(command);
      }
      expect(all('error')).toEqual([]);
      const records = all('step').map(({ record: { metrics, ...pictures } }) => ({
        ...pictures,
        losses: [metrics.ntpLoss, metrics.isolatedLoss],
        norms: [metrics.gradientNorm, metrics.retrieverGradientNorm, metrics.languageModelGradientNorm],
      }));
      return { records, evaluations: all('evaluation') };
    };
    const looked = await run(true);
    expect([all('inspected').length, all('attributed').length]).toEqual([3, 3]);
    const [first] = all('attributed');
    expect(first?.attribution.batch).toEqual(looked.records[0]?.batch);
    expect(await run(false)).toEqual(looked);
  },
);

test('the batch of any step so far is looked at with the weights as they are, and says so', async () => {
  await configured();
  for (let step = 0; step < 2; step++) await lab.handle({ type: 'step' });
  const [first, second] = all('step');
  await lab.handle({ type: 'inspectPair', step: 1, query: 3, context: 1, layer: 0 });
  await lab.handle({ type: 'attribute', step: 2 });
  expect(all('error')).toEqual([]);
  const [pair] = all('inspected').map((event) => event.pair);
  const [attribution] = all('attributed').map((event) => event.attribution);
  expect(pair).toMatchObject({
    step: 1,
    updates: 2,
    query: 3,
    context: 1,
    layer: 0,
    heads: 2,
    batch: first?.record.batch,
  });
  expect(pair?.probabilities).toHaveLength(2 * pair!.queryTokens * pair!.contextTokens);
  const [query, context] = [3, 1].map((chunk) => first?.record.batch.chunks[chunk]?.tokens.length);
  expect([pair?.queryTokens, pair?.contextTokens]).toEqual([query, context]);

  expect(attribution).toMatchObject({ step: 2, updates: 2, batch: second?.record.batch });
  // The step was taken since: the losses are no longer those of its record.
  const then = tokenRowsOf(second!.record, 'tokenLoss')[0]!;
  expect(attribution?.tokenLoss[0]).toHaveLength(then.length);
  expect(Array.from(attribution!.tokenLoss[0]!)).not.toEqual(then);
  expect(attribution?.leaveOneOut?.map((gains) => gains.length)).toEqual(
    second!.record.batch.chunks.map(({ tokens }) => 4 * (tokens.length - 1)),
  );
  const fractions = all('attributing').map(({ fraction }) => fraction);
  expect([fractions[0], fractions.at(-1)]).toEqual([0, 1]);
});

test('while training goes on, it is looked at between two steps', async () => {
  await configured();
  const training = lab.handle({ type: 'train' });
  while (all('step').length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await lab.handle({ type: 'inspectPair', step: 1, query: 0, context: 1 });
  const seen = all('step').length;
  while (all('step').length < seen + 1) await new Promise((resolve) => setTimeout(resolve, 5));
  await lab.handle({ type: 'pause' });
  await training;
  expect(all('inspected')).toHaveLength(1);
  expect(all('error')).toEqual([]);
});

test('an attribution is stopped without an error, and the run goes on', async () => {
  await configured();
  await lab.handle({ type: 'step' });
  const working = lab.handle({ type: 'attribute', step: 1 });
  while (all('attributing').length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await lab.handle({ type: 'stopInspection' });
  await working;
  expect(all('attributed')).toEqual([]);
  await lab.handle({ type: 'step' });
  expect(all('step')).toHaveLength(2);
  expect(all('error')).toEqual([]);
});

test.each([
  [{ type: 'inspectPair', step: 2, query: 0, context: 1 }, /step to look at is 2/],
  [{ type: 'inspectPair', step: 1, query: 0, context: 4 }, /chunk that is read is 4/],
  [{ type: 'inspectPair', step: 1, query: 0, context: 1, layer: 9 }, /layer is 9/],
  [{ type: 'inspectPair', step: 1, query: 1, context: 1 }, /No chunk reads itself/],
  [{ type: 'attribute', step: 0.5 }, /step to look at is 0.5/],
] satisfies [LabCommand, RegExp][])(
  'what is not there is refused in words, and the run goes on: %o',
  async (command, words) => {
    await configured();
    await lab.handle({ type: 'step' });
    await lab.handle(command);
    const [error] = all('error');
    expect(error?.error).toMatchObject({ kind: 'badInput', command: command.type });
    expect(error?.error.message).toMatch(words);
    await lab.handle({ type: 'step' });
    expect(all('step')).toHaveLength(2);
  },
);
