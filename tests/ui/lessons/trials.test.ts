import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CommandOf } from '../../../src/lab/door/protocol.ts';
import type { LessonStep } from '../../../src/ui/panels/lessons/lesson.ts';
import { Trials } from '../../../src/ui/panels/lessons/trials/trials.svelte.ts';
import { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { Session } from '../../../src/ui/state/session.svelte.ts';
import { View } from '../../../src/ui/state/view.svelte.ts';
import { fakeLab, settled, type FakeLab } from '../fakeLab.ts';

const STEP: LessonStep = {
  title: 'T',
  text: ['Words.'],
  actions: [
    { label: 'Twenty', changes: { attention: 'uniform' }, run: 'trial', steps: 20 },
    { label: 'Two seeds', run: 'trial', seeds: 2 },
  ],
  rows: ['ntpLoss'],
};
const PLACE = { lesson: '2', step: 3 };

let lab: FakeLab;
let session: Session;
let draft: Draft;
let trials: Trials;

beforeEach(() => {
  lab = fakeLab();
  draft = new Draft();
  session = new Session(draft);
  trials = new Trials({ session, view: new View(session, draft) });
});
afterEach(() => {
  trials.close();
  session.close();
});

const configured = (): CommandOf<'configure'>[] => lab.asked('configure').map(({ command }) => command);

/** Lets the lab take the configuration it was sent last, and make its steps. */
async function make(steps: number): Promise<void> {
  lab.accept();
  await settled();
  expect(lab.sent.at(-1)).toEqual({ type: 'train', steps });
  lab.steps(1, steps);
  await settled();
}

describe('a trial', () => {
  test('makes exactly its steps, beside the reader’s run, and is saved nowhere', async () => {
    const { configuration } = draft;
    const result = trials.run(PLACE, STEP, 0);
    await settled();
    expect(configured()[0]?.configuration).toMatchObject({ attention: 'uniform', seed: 0, autosaveEvery: 0 });
    await make(20);
    expect(trials.running).toMatchObject({ step: 20, steps: 20, done: 0, of: 1 });
    lab.rest();
    expect(await result).toBeUndefined();
    expect(trials.running).toBeUndefined();
    expect(trials.outcome(PLACE, 0)).toEqual({ runs: [{ ntpLoss: 1.3 }], from: 'here' });
    expect(draft.configuration).toBe(configuration);
    expect([session.kind, session.runId]).toEqual(['stored', undefined]);
    expect(session.stage.shownAs).toBe('trial');
    expect(session.stage.storedName).toBe('Lesson 2.3: Twenty');
    expect(session.history.lastStep).toBe(20);
  });

  test('of several seeds is one column, with a run for each', async () => {
    const result = trials.run(PLACE, STEP, 1);
    await settled();
    await make(1);
    lab.rest();
    await settled();
    expect(trials.running).toMatchObject({ done: 1, of: 2 });
    await make(1);
    lab.rest();
    await result;
    expect(configured().map(({ configuration: { seed } }) => seed)).toEqual([0, 1]);
    expect(trials.outcome(PLACE, 1)?.runs).toHaveLength(2);
  });

  test('that is stopped leaves nothing', async () => {
    const result = trials.run(PLACE, STEP, 0);
    await settled();
    lab.accept();
    await settled();
    lab.steps(1, 3);
    trials.stop();
    expect(trials.running).toBeUndefined();
    expect(lab.asked('train')[0]?.isStopped).toBe(true);
    lab.rest();
    expect(await result).toBeUndefined();
    expect(trials.outcome(PLACE, 0)).toBeUndefined();
  });

  test('gives way to the next one', async () => {
    const first = trials.run(PLACE, STEP, 0);
    await settled();
    const second = trials.run(PLACE, STEP, 1);
    await settled();
    expect(trials.isRunning(PLACE, 0)).toBe(false);
    expect(trials.isRunning(PLACE, 1)).toBe(true);
    expect(lab.asked('configure')[0]?.isStopped).toBe(true);
    lab.asked('configure')[0]?.fail({ kind: 'stopped', message: 'It was stopped.', action: '' });
    expect(await first).toBeUndefined();
    expect(trials.isRunning(PLACE, 1)).toBe(true);
    trials.stop();
    lab.asked('configure')[1]?.fail({ kind: 'stopped', message: 'It was stopped.', action: '' });
    await second;
  });

  test('that fails says why', async () => {
    const result = trials.run(PLACE, STEP, 0);
    await settled();
    lab.asked('configure')[0]?.fail({ kind: 'noWebGpu', message: 'There is no GPU.', action: 'Get one.' });
    expect(await result).toBe('There is no GPU. Get one.');
    expect(trials.running).toBeUndefined();
  });

  test('that loses its GPU says why', async () => {
    const result = trials.run(PLACE, STEP, 0);
    await settled();
    lab.accept();
    await settled();
    lab.say({ type: 'lost', error: { kind: 'deviceLost', message: 'The GPU was lost.', action: 'Try again.' } });
    expect(await result).toBe('The GPU was lost. Try again.');
    expect(trials.running).toBeUndefined();
  });
});

test('predictions stay with their steps, and may change', () => {
  expect(trials.predicted(PLACE)).toBeUndefined();
  trials.predict(PLACE, 1);
  trials.predict(PLACE, 0);
  expect(trials.predicted(PLACE)).toBe(0);
  expect(trials.predicted({ ...PLACE, step: 4 })).toBeUndefined();
});
