import { describe, expect, it } from 'vitest';
import { configure } from '../../src/settings/configuration.ts';
import { preset } from '../../src/settings/presets.ts';
import type { ModelView, PlanView } from '../../src/lab/door/views.ts';
import { folderName, hubId, isHubId, isNamed, settingName, shownName } from '../../src/ui/panels/models/names.ts';
import { nextStep, type Circumstances } from '../../src/ui/panels/models/nextStep.ts';
import { changesInWords, planBar } from '../../src/ui/panels/models/plan.ts';
import { duration, moment } from '../../src/ui/components/time.ts';

const COMMIT = '060db6499f32faf8b98477b0a26969ef7d8b9987';

function model(id: string, state: ModelView['state'] = 'stored'): ModelView {
  return { id, state, bytes: 1000, doneBytes: 400, storedAt: undefined };
}

describe('names of checkpoints', () => {
  it('are typed in two fields, or pasted as an address', () => {
    expect(hubId(' Qwen/Qwen2.5-0.5B ', '')).toBe('Qwen/Qwen2.5-0.5B');
    expect(hubId('Qwen/Qwen2.5-0.5B', 'main')).toBe('Qwen/Qwen2.5-0.5B');
    expect(hubId('https://huggingface.co/Qwen/Qwen2.5-0.5B/', 'v2')).toBe('Qwen/Qwen2.5-0.5B@v2');
  });

  it('mean what is stored under them', () => {
    const stored = model(`a/b@${COMMIT}`);
    expect(isNamed(stored, 'a/b')).toBe(true);
    expect(isNamed(stored, `a/b@${COMMIT}`)).toBe(true);
    expect(isNamed(stored, 'a/b@other')).toBe(false);
    expect(isNamed(stored, 'a/bc')).toBe(false);
    expect(isNamed(model('local@mine'), 'mine')).toBe(true);
    expect(isNamed(model('mine', 'open'), 'mine')).toBe(true);
  });

  it('are as short as they can be without meaning two', () => {
    const first = model(`a/b@${COMMIT}`);
    expect(settingName(first, [first, model('local@mine')])).toBe('a/b');
    expect(settingName(first, [first, model('a/b@older')])).toBe(first.id);
    expect(settingName(model('local@mine'), [first])).toBe('mine');
  });

  it('are shown without their prefix, and with a short commit', () => {
    expect(shownName(`a/b@${COMMIT}`)).toEqual({ name: 'a/b', detail: '060db64' });
    expect(shownName('a/b@v2')).toEqual({ name: 'a/b', detail: 'v2' });
    expect(shownName('local@mine')).toEqual({ name: 'mine', detail: 'from a folder' });
    expect([isHubId('a/b'), isHubId('mine')]).toEqual([true, false]);
  });

  it('of folders become names that the settings take', () => {
    for (const typed of ['Mein Modell (2)', 'Zürich', '.hidden', '模型', 'x'.repeat(99), '']) {
      const name = folderName(typed);
      expect(configure({ checkpoint: name }).checkpoint).toBe(name);
      expect(folderName(name)).toBe(name);
    }
    expect([folderName('Mein Modell (2)'), folderName('Zürich'), folderName('')]).toEqual([
      'Mein-Modell-2',
      'Zurich',
      'model',
    ]);
  });
});

describe('nextStep', () => {
  const gentle = preset('gentle').configuration;
  const id = gentle.checkpoint;
  const none: Circumstances = { models: [], offered: undefined, downloading: undefined, refused: false };

  it('is nothing for the small models', () => {
    expect(nextStep(configure({}), none)).toBeUndefined();
  });

  it.each([
    ['asks what is here first', { ...none, models: undefined }, 'wait'],
    ['looks up what is missing', none, 'lookUp'],
    ['offers what was looked up', { ...none, offered: id }, 'download'],
    ['waits for a download', { ...none, downloading: id }, 'wait'],
    ['goes on with a download that was broken off', { ...none, models: [model(`${id}@x`, 'partial')] }, 'goOn'],
    ['trains on what is here', { ...none, models: [model(`${id}@x`)] }, 'train'],
    ['makes it fit first', { ...none, models: [model(`${id}@x`)], refused: true }, 'fit'],
  ] as const)('%s', (_name, at, kind) => {
    expect(nextStep(gentle, at)?.kind).toBe(kind);
  });

  it('asks for a folder again, and for the retriever’s checkpoint too', () => {
    const folder = { ...gentle, checkpoint: 'mine' };
    expect(nextStep(folder, none)).toMatchObject({ kind: 'openFolder', id: 'mine' });
    const two = { ...folder, retrieverCheckpoint: 'a/b' };
    expect(nextStep(two, { ...none, models: [model('mine', 'open')] })).toMatchObject({ kind: 'lookUp', id: 'a/b' });
  });
});

describe('a memory plan', () => {
  const plan: PlanView = {
    configuration: preset('gentle').configuration,
    weights: 60,
    gradients: 10,
    optimiser: 20,
    activations: 30,
    scratch: 0,
    peak: 110,
    budget: 240,
    refusal: undefined,
    assumption: undefined,
    nearest: undefined,
  };

  it('is a bar as long as the budget', () => {
    const { parts, budgetAt } = planBar(plan);
    expect(parts.map(({ share }) => share)).toEqual([60 / 240, 10 / 240, 20 / 240, 30 / 240, 0]);
    expect(budgetAt).toBe(1);
  });

  it('is longer than the budget when more is needed, and marks where that ends', () => {
    const { parts, budgetAt } = planBar({ ...plan, budget: 60 });
    expect(budgetAt).toBe(0.5);
    expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('says what would change', () => {
    expect(changesInWords({ chunks: 4, precision: 'int8', checkpointing: true }, plan.configuration)).toBe(
      'Chunks per batch 8 → 4, Base weights as As stored → int8',
    );
  });
});

describe('times', () => {
  it.each([
    [0.2, '1 s'],
    [51.4, '51 s'],
    [61, '1 min'],
    [3540, '59 min'],
    [3600, '1 h'],
    [4800, '1 h 20 min'],
    [Infinity, 'unknown'],
  ])('%d seconds → %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it('names the day only when it is another', () => {
    const now = new Date(2026, 2, 4, 18, 0).getTime();
    expect(moment(new Date(2026, 2, 4, 9, 5).getTime(), now)).toBe('today 09:05');
    expect(moment(new Date(2026, 1, 28, 9, 5).getTime(), now)).toBe('28 Feb, 09:05');
    expect(moment(new Date(2024, 1, 28, 9, 5).getTime(), now)).toBe('28 Feb 2024');
  });
});
