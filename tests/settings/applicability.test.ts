import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openPretrained, type Pretrained } from '../../src/run/pretrained.ts';
import { valuesOf, whereItApplies, whyIdle } from '../../src/settings/applicability.ts';
import {
  configure,
  SETTING_KEYS,
  SETTINGS,
  type Configuration,
  type SettingKey,
} from '../../src/settings/configuration.ts';
import { SettingError, type Setting, type Value } from '../../src/settings/setting.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { tinyCheckpoint } from '../harness/tinyCheckpoint.ts';
import { outcome, TEXT } from './outcome.ts';

/** As small as a run can be. */
const TINY = {
  checkpoint: 'tests/tiny1',
  chunks: 4,
  chunkTokens: 32,
  vocabulary: 300,
  layers: 2,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  rank: 2,
  heldOutBatches: 1,
  learningRate: 0.01,
  warmup: 1,
  clipNorm: 0.1,
} as const;

/** Runs of different kinds, in each of which something else is idle. */
const SCENARIOS: Readonly<Record<string, Configuration>> = {
  'small models on facts': configure(TINY),
  'adapters on a checkpoint': configure({
    ...TINY,
    base: 'checkpoint',
    source: 'text',
    trained: 'lora',
  }),
  'BM25 for batches and as a control, adapters on small models': configure({
    ...TINY,
    source: 'text',
    batching: 'bm25',
    attention: 'bm25',
    trained: 'lora',
    layers: 1,
  }),
  'batches of one topic each': configure({ ...TINY, source: 'text', batching: 'balanced' }),
  'random batches, a frozen language model': configure({
    ...TINY,
    source: 'text',
    batching: 'random',
    freezeLanguageModel: true,
  }),
  'a frozen language model, only gates learn': configure({
    ...TINY,
    attention: 'uniform',
    freezeLanguageModel: true,
    learnGate: true,
    contextGate: 0,
  }),
  'InfoNCE on facts': configure({ ...TINY, objective: 'infoNce' }),
  'Mann–Whitney on facts': configure({ ...TINY, objective: 'mannWhitney' }),
  'inverse cloze on text': configure({ ...TINY, objective: 'inverseCloze', source: 'text' }),
  'decoupled softmax with mined negatives': configure({
    ...TINY,
    objective: 'decoupledSoftmax',
    source: 'text',
    hardNegatives: 'mined',
    // Enough for one update to change who is among them, or in which order.
    hardNegativesPerQuery: 8,
    learningRate: 0.1,
  }),
  'InfoNCE with an adapter on a checkpoint': configure({
    ...TINY,
    objective: 'infoNce',
    base: 'checkpoint',
    source: 'text',
    trained: 'lora',
  }),
  'REPLUG on facts': configure({ ...TINY, objective: 'replug' }),
  'distillation from BM25 on facts': configure({ ...TINY, objective: 'distillation' }),
  'distillation from an encoder': configure({ ...TINY, objective: 'distillation', teacher: 'encoder', source: 'text' }),
  'a checkpoint trained whole that reads nobody': configure({
    ...TINY,
    base: 'checkpoint',
    source: 'facts',
    contextGate: 0,
  }),
};

/** Values of which at least one should change a tiny run where the setting applies. */
const OTHER_VALUES: Readonly<Record<SettingKey, readonly Value[]>> = {
  source: ['text', 'facts', 'kitchen'],
  documentUnit: ['paragraph'],
  column: ['answer'],
  vocabulary: [310],
  chunks: [8],
  chunkTokens: [12],
  chunkFit: ['fixed'],
  batching: ['adjacent', 'topics', 'random'],
  topicClusters: [3],
  groupSize: [4],
  firstHalf: [true],
  base: ['scratch', 'checkpoint'],
  checkpoint: ['tests/tiny2'],
  retrieverCheckpoint: ['tests/tiny2'],
  retrieverDepth: [1],
  precision: ['int8'],
  matmulPrecision: ['f16'],
  reductions: ['subgroups'],
  checkpointing: [true],
  memoryBudget: [8],
  layers: [3],
  width: [32],
  heads: [4],
  kvHeads: [2],
  mlpWidth: [32],
  initialisation: ['normal'],
  trained: ['lora', 'full'],
  rank: [4],
  alpha: [32],
  loraTargets: ['q,down'],
  loraDropout: [0.5],
  objective: ['infoNce', 'revela'],
  infoNceTemperature: [0.5],
  mannWhitneyTemperature: [0.5],
  hardNegatives: ['static', 'none'],
  hardNegativesPerQuery: [2, 1],
  mineEvery: [1],
  replugTemperature: [0.5],
  replugLanguageModelTemperature: [0.5],
  replugLanguageModel: ['learns'],
  teacher: ['encoder', 'bm25'],
  distillationTemperature: [0.5],
  teacherTemperature: [0.5],
  contrastWeight: [0.5],
  attention: ['oracle', 'learned'],
  temperature: [0.5],
  vNorm: [false],
  contextGate: [0.5, 1],
  contextLayers: ['upperHalf'],
  learnGate: [true, false],
  pooling: ['mean'],
  centring: [true],
  dualLoss: [true],
  lossMask: ['secondHalf'],
  detachKeyValues: [true],
  freezeLanguageModel: [true, false],
  freezeRetriever: [true],
  learningRate: [0.02],
  warmup: [2],
  decaySteps: [3],
  beta1: [0.5],
  beta2: [0.5],
  weightDecay: [0.5],
  clipNorm: [0.05],
  accumulation: [2],
  seed: [1],
  evaluateEvery: [1],
  heldOutBatches: [2],
  probeEvery: [1],
  collectionEvery: [1],
  autosaveEvery: [1],
};

/** Settings that decide how a run is carried out, and leave its numbers as they are. */
const NUMBERS_STAY: readonly SettingKey[] = [
  'reductions',
  'checkpointing',
  'memoryBudget',
  'evaluateEvery',
  'probeEvery',
  'collectionEvery',
  'autosaveEvery',
];

/** Settings whose other values take what none of these runs has at hand: an encoder. Where they are idle, they are looked at. */
const NOT_AT_HAND: readonly SettingKey[] = ['teacher'];

let runtime: Runtime;
const checkpoints = new Map<string, Promise<Pretrained>>();
beforeAll(async () => {
  runtime = await openTestRuntime();
  for (const seed of [1, 2]) {
    const files = await tinyCheckpoint([TEXT], { seed });
    const name = `tests/tiny${seed}`;
    const lookup = (path: string) => Promise.resolve(files[path] && memorySource(path, files[path]));
    checkpoints.set(name, openPretrained(name, lookup));
  }
});
afterAll(() => runtime.destroy());

function run(configuration: Configuration): Promise<string> {
  return outcome(runtime, configuration, (name) => checkpoints.get(name) ?? Promise.reject(new Error(name)));
}

/** The configuration with another value for a setting, where one goes with the rest. */
function changed(configuration: Configuration, key: SettingKey): Configuration | undefined {
  for (const value of OTHER_VALUES[key]) {
    if (value === configuration[key]) continue;
    try {
      return configure({ [key]: value }, configuration);
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
    }
  }
  return undefined;
}

/** Settings whose effect on the numbers was seen, each with the values that its conditions look at. */
const felt = new Set<string>();

function circumstances(key: SettingKey, configuration: Configuration): string {
  const { applies = [] }: Setting = SETTINGS[key];
  const looked = applies.flatMap(({ only, except }) => Object.keys(only ?? except)) as SettingKey[];
  return [key, ...looked.map((other) => `${other} ${configuration[other]}`)].join();
}

describe.each(Object.entries(SCENARIOS))('%s', (_, configuration) => {
  let expected: string;
  beforeAll(async () => {
    expected = await run(configuration);
  });

  test('idle settings change nothing, all together', async () => {
    const idle = SETTING_KEYS.filter((key) => whyIdle(key, configuration) !== undefined);
    expect(idle.length).toBeGreaterThan(0);
    const all = idle.reduce((base, key) => {
      const next = changed(base, key);
      expect(next, `${key} is idle, and yet conflicts`).toBeDefined();
      return next ?? base;
    }, configuration);
    expect(await run(all)).toBe(expected);
  });

  test('a setting that applies changes something', async () => {
    for (const key of SETTING_KEYS) {
      if ([...NUMBERS_STAY, ...NOT_AT_HAND].includes(key) || whyIdle(key, configuration) !== undefined) continue;
      const here = circumstances(key, configuration);
      const other = changed(configuration, key);
      if (!other || felt.has(here)) continue;
      expect((await run(other)) !== expected, `${key} is said to apply`).toBe(true);
      felt.add(here);
    }
  });
});

test('every setting was seen to change something', () => {
  const names = [...felt].map((one) => one.split(',')[0]);
  const unseen = SETTING_KEYS.filter((key) => !names.includes(key));
  expect(new Set(unseen)).toEqual(new Set([...NUMBERS_STAY, ...NOT_AT_HAND]));
});

test('conditions speak of settings that there are, and of values that these take', () => {
  for (const key of SETTING_KEYS) {
    const { applies = [] }: Setting = SETTINGS[key];
    for (const { only, except, why } of applies) {
      for (const [other, value] of Object.entries(only ?? except)) {
        expect(SETTING_KEYS, key).toContain(other);
        for (const one of valuesOf(value)) expect(configure({ [other]: one })[other as SettingKey], key).toBe(one);
      }
      expect(why).toMatch(/\.$/);
    }
  }
});

describe('whyIdle', () => {
  test('explains settings that change nothing at present', () => {
    const facts = configure({});
    expect(whyIdle('vocabulary', facts)).toContain('own');
    expect(whyIdle('rank', facts)).toContain('LoRA');
    expect(whyIdle('temperature', configure({ attention: 'bm25' }))).toContain('no temperature');
    expect(whyIdle('freezeRetriever', configure({ attention: 'uniform' }))).toContain('no gradient');
  });

  test('is silent about those that do', () => {
    const lora = configure({ source: 'shore', trained: 'lora' });
    for (const key of ['vocabulary', 'batching', 'rank', 'alpha', 'temperature'] as const)
      expect(whyIdle(key, lora), key).toBeUndefined();
    // Batches of word neighbours hold groups, and so do held-out batches whatever training ones are.
    for (const batching of ['topics', 'adjacent', 'bm25', 'random'])
      expect(whyIdle('groupSize', configure({ source: 'shore', batching })), batching).toBeUndefined();
  });

  test('names its conditions for those who have flags', () => {
    expect(whereItApplies('rank')).toBe('with trained lora');
    expect(whereItApplies('vocabulary')).toBe('with base scratch, not with source facts');
    expect(whereItApplies('seed')).toBe('');
  });
});
