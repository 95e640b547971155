import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { matrixOf, metricOf, tokenRowsOf } from '../../src/run/record.ts';
import { configure } from '../../src/settings/configuration.ts';
import { Lab } from '../../src/lab/lab.ts';
import { STOPPED, type LabError } from '../../src/lab/door/labError.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { failureOf } from '../harness/labFailure.ts';

/** As small as a run can be that still has everything. */
const TINY = {
  chunks: 4,
  layers: 1,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  evaluateEvery: 3,
  heldOutBatches: 1,
};
const TEXT = Array.from(
  { length: 12 },
  (_, i) =>
    `Essay ${i}\n\nThe number ${i} is a curious one. People have counted to ${i} for ages. It comes after ${i - 1} and before ${i + 1}, as everybody knows who can count. Some find it lucky, others do not care.`,
).join('\n\n---\n\n');

let events: LabEvent[];
let lab: Lab;
const open = (gpu: GPU | undefined) => new Lab(gpu, (event) => events.push(event));
const steps = () => events.filter((event) => event.type === 'step').map(({ record }) => record.metrics.step);
const state = () => events.filter((event) => event.type === 'state').at(-1)?.state;

beforeAll(() => {
  lab = open(nodeGpu());
});
beforeEach(() => {
  events = [];
});
afterAll(() => lab.close());

test('what a run needs is compiled ahead without a word, and the run then compiles nothing', async () => {
  const configuration = configure({ ...TINY, width: 24, heads: 3 });
  const { kernels } = await lab.ask({ type: 'warmUp', configuration });
  expect(kernels).toBeGreaterThan(20);
  // Only that there is a GPU is told, by whoever opens it first.
  expect(events.filter(({ type }) => type !== 'gpu')).toEqual([]);
  await lab.ask({ type: 'configure', configuration });
  await lab.ask({ type: 'step' });
  const said = () => events.flatMap((event) => (event.type === 'state' ? [event.detail] : []));
  expect(said()).toContain('Training');
  const compiling = () => said().filter((detail) => detail.startsWith('Compiling'));
  expect(compiling()).toEqual([]);
  // A run that nobody has prepared for says what it waits for.
  await lab.ask({ type: 'configure', configuration: configure({ ...TINY, heads: 1 }) });
  await lab.ask({ type: 'step' });
  expect(compiling()[0]).toMatch(/^Compiling kernels, 0 of \d+$/);

  const without = new Lab(undefined, (event) => events.push(event));
  const failed = await failureOf(without.ask({ type: 'warmUp', configuration }));
  expect(failed?.kind).toBe('noWebGpu');
  expect(events.some((event) => event.type === 'state' && event.state === 'failed')).toBe(false);
  await without.close();
});

test('configure, step, train, pause, reset: every command does what its name says', async () => {
  const summary = await lab.ask({ type: 'configure', configuration: configure(TINY) });
  expect(events.find((event) => event.type === 'corpus')?.summary).toEqual(summary);
  await lab.ask({ type: 'step' });
  expect(steps()).toEqual([1]);
  expect(state()).toBe('paused');

  const training = lab.ask({ type: 'train' });
  while (steps().length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  await lab.ask({ type: 'pause' });
  await training;
  const paused = steps().length;
  expect(steps()).toEqual(Array.from({ length: paused }, (_, i) => i + 1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(steps().length).toBe(paused);
  expect(events.filter((event) => event.type === 'evaluation').map(({ evaluation }) => evaluation.step)).toEqual(
    Array.from({ length: Math.floor(paused / 3) + 1 }, (_, i) => 3 * i),
  );

  // The probe is one batch, seen after every evaluation, every fourth step, and whenever the run pauses.
  const probes = events.filter((event) => event.type === 'probe');
  const isLooked = (step: number) => step % 3 === 0 || step % 4 === 0 || step === 1 || step === paused;
  expect(probes.map(({ record }) => record.metrics.step)).toEqual(
    Array.from({ length: paused + 1 }, (_, step) => step).filter(isLooked),
  );
  expect(new Set(probes.map(({ batch }) => JSON.stringify(batch))).size).toBe(1);

  const first = events.find((event) => event.type === 'step');
  await lab.ask({ type: 'reset' });
  expect(events.at(-2)?.type).toBe('reset');
  events = [];
  await lab.ask({ type: 'step' });
  const again = events.find((event) => event.type === 'step');
  expect(again?.record.metrics.loss).toBe(first?.record.metrics.loss);
  expect(again?.record.similarity).toEqual(first?.record.similarity);
});

test('a step record is whole: texts, tokens, matrices and losses belong together', async () => {
  await lab.ask({
    type: 'configure',
    configuration: configure({ ...TINY, source: 'text', chunkTokens: 24 }),
    text: pastedText('Numbers', TEXT),
  });
  await lab.ask({ type: 'step' });
  const event = events.find((candidate) => candidate.type === 'step');
  const record = event!.record;
  const [attention, tokenLoss, isolatedTokenLoss] = [
    matrixOf(record, 'attention'),
    tokenRowsOf(record, 'tokenLoss'),
    tokenRowsOf(record, 'isolatedTokenLoss'),
  ];
  expect(record.batch.chunks).toHaveLength(4);
  expect(attention).toHaveLength(16);
  record.batch.chunks.forEach(({ text, tokens }, i) => {
    expect(tokens.length).toBeGreaterThan(1);
    expect(text.startsWith(tokens.join('').trim().slice(0, 5))).toBe(true);
    expect(tokenLoss[i]).toHaveLength(tokens.length - 1);
    expect(isolatedTokenLoss[i]).toHaveLength(tokens.length - 1);
  });
  for (let i = 0; i < 4; i++) {
    expect(attention[5 * i]).toBe(0);
    expect(attention.slice(4 * i, 4 * i + 4).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  }
  const losses = tokenLoss.flat();
  expect(losses.reduce((sum, value) => sum + value, 0) / losses.length).toBeCloseTo(
    metricOf(record.metrics, 'ntpLoss'),
    4,
  );
  expect(() => structuredClone(record)).not.toThrow();
});

describe('bad input gets a message, and what was there before is kept', () => {
  const cases: [string, Record<string, unknown>, string | undefined, LabError['kind'], RegExp][] = [
    ['empty text', { source: 'text' }, '  \n ', 'badInput', /empty/],
    ['one chunk', { source: 'text' }, 'Only this.', 'badInput', /single chunk/],
    ['binary file', { source: 'text' }, 'PK\u0003\u0004\u0000\u0000\u0000binary\u0000\u0001\u0002', 'badInput', /text/],
    ['batch larger than the corpus', { source: 'text', chunks: 32 }, TEXT.slice(0, 700), 'badInput', /batch of 32/],
    ['NaN learning rate', { learningRate: NaN }, undefined, 'badSetting', /Learning rate/],
  ];
  test.each(cases)('%s', async (_name, changes, text, kind, message) => {
    await lab.ask({ type: 'configure', configuration: configure(TINY) });
    await lab.ask({ type: 'step' });
    const configuration = { ...configure({ ...TINY, chunkTokens: 32 }), ...changes };
    const command = {
      type: 'configure',
      configuration,
      ...(text === undefined ? {} : { text: pastedText('The text', text) }),
    } as const;
    const error = await failureOf(lab.ask(command));
    expect(error?.kind).toBe(kind);
    expect(error?.message).toMatch(message);
    expect(error?.action.length).toBeGreaterThan(10);
    await lab.ask({ type: 'step' });
    expect(steps()).toEqual([1, 2]);
  });

  test('one document only: it trains, recall cannot be measured, and a notice says so', async () => {
    const text = `One story. ${'It goes on and on, and then a little further. '.repeat(40)}`;
    await lab.ask({
      type: 'configure',
      configuration: configure({ ...TINY, source: 'text', chunkTokens: 24 }),
      text: pastedText('The text', text),
    });
    await lab.ask({ type: 'step' });
    const corpus = events.find((event) => event.type === 'corpus');
    expect(corpus?.summary.notices.length).toBeGreaterThan(0);
    expect(events.find((event) => event.type === 'step')?.record.metrics.recallAt1).toBeUndefined();
  });
});

describe('a stopped preparation is nobody’s mistake', () => {
  const long = Array.from({ length: 400 }, (_, i) => TEXT.replaceAll('number', `number${i}`)).join('\n\n---\n\n');
  const slow = {
    type: 'configure',
    configuration: configure({ ...TINY, source: 'text' }),
    text: pastedText('The text', long),
  } as const;
  const isPreparing = () => state() === 'preparing';

  test('a pause leaves the run that was there, and it goes on', async () => {
    await lab.ask({ type: 'configure', configuration: configure(TINY) });
    await lab.ask({ type: 'step' });
    const configuring = failureOf(lab.ask(slow));
    while (!isPreparing()) await new Promise((resolve) => setTimeout(resolve, 1));
    await lab.ask({ type: 'pause' });
    expect(await configuring).toEqual(STOPPED);
    expect(state()).toBe('paused');
    await lab.ask({ type: 'step' });
    expect(steps()).toEqual([1, 2]);
  });

  test('a newer configuration takes its place', async () => {
    const first = failureOf(lab.ask(slow));
    while (!isPreparing()) await new Promise((resolve) => setTimeout(resolve, 1));
    const second = lab.ask({ type: 'configure', configuration: configure(TINY) });
    expect(await first).toEqual(STOPPED);
    const summary = await second;
    expect(events.flatMap((event) => (event.type === 'corpus' ? [event.summary] : []))).toEqual([summary]);
    expect(state()).toBe('idle');
  });
});

describe('a signal', () => {
  test('stops what waits at once, while the step before it goes on', async () => {
    await lab.ask({ type: 'configure', configuration: configure(TINY) });
    const stepping = lab.ask({ type: 'step' });
    const control = new AbortController();
    const waiting = failureOf(lab.ask({ type: 'attribute', step: 1 }, { signal: control.signal }));
    control.abort();
    expect(await waiting).toEqual(STOPPED);
    expect(steps(), 'the step was still to come').toEqual([]);
    await stepping;
    expect(steps()).toEqual([1]);
  });

  test('pauses training, which is answered then', async () => {
    await lab.ask({ type: 'configure', configuration: configure(TINY) });
    const control = new AbortController();
    const training = lab.ask({ type: 'train' }, { signal: control.signal });
    const joined = lab.ask({ type: 'train' });
    while (steps().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    control.abort();
    await Promise.all([training, joined]);
    expect(state()).toBe('paused');
  });
});

test('no text at all is as good as an empty one', async () => {
  const fresh = open(nodeGpu());
  const configuration = configure({ ...TINY, source: 'text' });
  const error = await failureOf(fresh.ask({ type: 'configure', configuration }));
  expect(error?.kind).toBe('badInput');
  expect(error?.message).toMatch(/empty/);
});

test('without WebGPU the first step says so and what to do', async () => {
  const without = open(undefined);
  await without.ask({ type: 'configure', configuration: configure(TINY) });
  const error = await failureOf(without.ask({ type: 'step' }));
  expect(error?.kind).toBe('noWebGpu');
  expect(error?.action).toMatch(/Chrome/);
});

test('what cannot open a run says so, and does not leave the lab preparing it', async () => {
  const without = open(undefined);
  await without.ask({ type: 'configure', configuration: configure(TINY) });
  const asked = failureOf(without.ask({ type: 'search', query: 'Oskar', limit: 1 }));
  expect((await asked)?.kind).toBe('noWebGpu');
  expect(state()).toBe('failed');
});
