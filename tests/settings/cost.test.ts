import { expect, test } from 'vitest';
import { plannedRun, type PlannedBases } from '../../src/run/memory.ts';
import { smallDecoderConfig } from '../../src/run/smallModels.ts';
import { whyIdle } from '../../src/settings/applicability.ts';
import {
  configure,
  SETTING_KEYS,
  SETTINGS,
  type Configuration,
  type SettingKey,
} from '../../src/settings/configuration.ts';
import type { Setting, Value } from '../../src/settings/setting.ts';
import { planMemory } from '../../src/run/memoryPlan.ts';

/** A share of memory or time below which a change is not worth a word. */
const HARDLY_FELT = 0.05;

/** What a step needs at its largest, as the planner predicts it: bytes, and operations. */
async function needOf(c: Configuration): Promise<{ memory: number; time: number }> {
  const base = () =>
    ({ config: smallDecoderConfig(c, c.vocabulary), stored: c.base === 'checkpoint' ? 'bf16' : 'f32' }) as const;
  const languageModel = base();
  const bases: PlannedBases = { languageModel, retriever: c.retrieverCheckpoint === '' ? languageModel : base() };
  const plan = await planMemory(plannedRun(c, bases));
  return { memory: plan.peakTotal, time: plan.step.flops };
}

/** A setting's value before and after, in the sense of Cost. */
function grown(setting: Setting): readonly [Value, Value] {
  switch (setting.kind) {
    case 'number':
      return setting.default * 2 <= setting.max
        ? [setting.default, setting.default * 2]
        : [setting.default / 2, setting.default];
    case 'switch':
      return [false, true];
    case 'choice':
      return [setting.choices[0]?.value ?? '', setting.choices[1]?.value ?? ''];
    case 'several':
      return [setting.choices[0] ?? '', setting.choices.join(',')];
    case 'text':
      return ['', 'another/model'];
  }
}

function direction(before: number, after: number): 'more' | 'less' | undefined {
  if (Math.abs(after / before - 1) < HARDLY_FELT) return undefined;
  return after > before ? 'more' : 'less';
}

/** Where adapters stand on a frozen base wide enough to weigh something. */
const CHECKPOINT = { base: 'checkpoint', trained: 'lora', chunks: 2, width: 256 };
const SMALL = { source: 'kitchen' };
/** Where a setting is looked at: in the first of these in which it applies. */
const AROUND = [
  SMALL,
  { ...SMALL, objective: 'replug' },
  { ...SMALL, objective: 'infoNce', hardNegatives: 'static' },
  { ...SMALL, ...CHECKPOINT },
].map((one) => configure(one));

/** Not looked at: what stands for a whole other model, and what does not happen within a step. */
const OUTSIDE: readonly SettingKey[] = [
  'base',
  'checkpoint',
  'evaluateEvery',
  'heldOutBatches',
  'probeEvery',
  'mineEvery',
  'collectionEvery',
  'autosaveEvery',
];

test.each(SETTING_KEYS.filter((key) => !OUTSIDE.includes(key)))(
  'the planner finds what %s is said to cost',
  async (key) => {
    const setting: Setting = SETTINGS[key];
    const around = AROUND.find((one) => whyIdle(key, one) === undefined) ?? AROUND.at(-1);
    const [before, after] = grown(setting);
    const [less, more] = [
      await needOf(configure({ [key]: before }, around)),
      await needOf(configure({ [key]: after }, around)),
    ];
    expect(direction(less.memory, more.memory), 'memory').toBe(setting.cost?.memory);
    expect(direction(less.time, more.time), 'time').toBe(setting.cost?.time);
  },
);
