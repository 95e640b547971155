import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { STOPPED } from '../../../src/lab/door/labError.ts';
import type { Page } from '../../../src/ui/state/context.ts';
import { act } from '../../../src/ui/panels/lessons/act.ts';
import type { LessonAction } from '../../../src/ui/panels/lessons/lesson.ts';
import { Session } from '../../../src/ui/state/session.svelte.ts';
import { View } from '../../../src/ui/state/view.svelte.ts';
import { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { fakeLab, settled, type FakeLab } from '../fakeLab.ts';

const gpu = vi.hoisted(() => ({ hasWebGpu: true }));
vi.mock('../../../src/ui/state/webGpu.ts', () => ({
  get hasWebGpu() {
    return gpu.hasWebGpu;
  },
}));

const TWENTY: LessonAction = {
  label: 'Uniform: twenty steps',
  changes: { attention: 'uniform' },
  run: 'train',
  until: 20,
};

let lab: FakeLab;
let page: Page;
let session: Session;

beforeEach(() => {
  gpu.hasWebGpu = true;
  lab = fakeLab();
  const draft = new Draft();
  session = new Session(draft);
  page = { draft, session, view: new View(session, draft) } as unknown as Page;
});
afterEach(() => session.close());

const types = () => lab.sent.map(({ type }) => type);

/** Presses the button, and lets the lab train to a step. */
async function press(to: number): Promise<void> {
  expect(await act(TWENTY, page, () => undefined)).toBeUndefined();
  lab.accept();
  await settled();
  expect(types().slice(-2)).toEqual(['configure', 'train']);
  lab.steps(1, to);
  await settled();
}

describe('a button that trains so many steps', () => {
  test('pauses there', async () => {
    await press(19);
    expect(types()).not.toContain('pause');
    lab.steps(20, 20);
    await settled();
    expect(types().at(-1)).toBe('pause');
  });

  test('is not ended by steps of the run before', async () => {
    void session.train();
    lab.accept();
    await settled();
    lab.steps(1, 40);
    expect(await act(TWENTY, page, () => undefined)).toBeUndefined();
    lab.steps(41, 42);
    lab.rest();
    await settled();
    lab.accept();
    await settled();
    lab.steps(1, 19);
    await settled();
    expect(types()).not.toContain('pause');
    lab.steps(20, 20);
    await settled();
    expect(types().at(-1)).toBe('pause');
  });

  test('leaves alone the run that the reader begins after a pause and a Reset', async () => {
    await press(10);
    session.pause();
    lab.rest();
    await settled();
    session.reset();
    lab.say({ type: 'reset' });
    lab.say({ type: 'state', state: 'idle', detail: 'Ready' });
    void session.train();
    lab.steps(1, 30);
    await settled();
    expect(types().filter((type) => type === 'pause')).toHaveLength(1);
  });

  test('nor does it pause a run that goes on after a pause by hand', async () => {
    await press(10);
    session.pause();
    lab.rest();
    await settled();
    void session.train();
    lab.steps(11, 30);
    await settled();
    expect(types().filter((type) => type === 'pause')).toHaveLength(1);
  });

  test('nor one that follows a Reset at once, before the lab has answered', async () => {
    await press(10);
    session.reset();
    void session.train();
    lab.say({ type: 'reset' });
    lab.say({ type: 'state', state: 'idle', detail: 'Ready' });
    lab.steps(1, 30);
    await settled();
    expect(types()).not.toContain('pause');
  });

  test('nor one that the reader begins with settings of their own before the first step came', async () => {
    await act(TWENTY, page, () => undefined);
    lab.say({ type: 'state', state: 'preparing', detail: 'Cutting the text' });
    session.pause();
    lab.asked('configure')[0]?.fail(STOPPED);
    lab.say({ type: 'state', state: 'idle', detail: 'Ready' });
    page.draft.set('temperature', '0.5');
    void session.train();
    lab.accept();
    lab.steps(1, 30);
    await settled();
    expect(types()).toEqual(['configure', 'pause', 'configure', 'train']);
  });
});

describe('without WebGPU', () => {
  test('a button that trains says so, and changes nothing', async () => {
    gpu.hasWebGpu = false;
    const before = vi.fn();
    const { configuration } = page.draft;
    page.view.playing = true;
    const problem = await act({ ...TWENTY, matrix: 'S' }, page, before);
    expect(problem).toMatch(/needs WebGPU/);
    expect(before).not.toHaveBeenCalled();
    expect(page.draft.configuration).toBe(configuration);
    expect(page.view.matrix.symbol).toBe('A');
    expect(page.view.playing).toBe(true);
    expect(lab.sent).toEqual([]);
  });

  test('one that only shows another matrix works', async () => {
    gpu.hasWebGpu = false;
    const before = vi.fn();
    expect(await act({ label: 'Show S', matrix: 'S' }, page, before)).toBeUndefined();
    expect(before).toHaveBeenCalledOnce();
    expect(page.view.matrix.symbol).toBe('S');
  });
});
