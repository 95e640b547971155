import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Page } from '../../../src/ui/state/context.ts';
import { showRecorded, trainHere } from '../../../src/ui/panels/lessons/act.ts';
import { Models } from '../../../src/ui/panels/models/models.svelte.ts';
import { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { Session } from '../../../src/ui/state/session.svelte.ts';
import { View } from '../../../src/ui/state/view.svelte.ts';
import { inventedRun } from '../../browser/support/inventedRun.ts';
import { fakeLab, settled } from '../fakeLab.ts';

function page() {
  const draft = new Draft();
  const session = new Session(draft);
  const panels = { show: vi.fn() };
  const models = new Models(session);
  const all = { draft, session, panels, models, view: new View(session, draft) };
  return { ...all, page: all as unknown as Page };
}

afterEach(() => vi.useRealTimers());

describe('a run of the reader’s own that a lesson begins', () => {
  test('takes the lesson’s settings, after what was there is remembered', async () => {
    const lab = fakeLab();
    const { page: all, draft } = page();
    const before = vi.fn(() => expect(draft.configuration.vNorm).toBe(true));
    expect(await trainHere({ label: 'L', run: 'train', changes: { vNorm: false } }, all, before)).toBeUndefined();
    expect(before).toHaveBeenCalledOnce();
    expect(draft.configuration.vNorm).toBe(false);
    lab.accept();
    await settled();
    expect(lab.sent.map(({ type }) => type)).toEqual(['configure', 'train']);
  });

  const ON_CHECKPOINT = { label: 'L', run: 'train', preset: 'gentle' } as const;

  test('on a checkpoint leads to where one comes from', async () => {
    const lab = fakeLab();
    const { page: all, panels, draft } = page();
    const { configuration } = draft;
    const before = vi.fn();
    const asked = trainHere(ON_CHECKPOINT, all, before);
    lab.asked('listModels')[0]?.answer({ models: [], storage: { usage: 0, quota: 1, persisted: false } });
    expect(await asked).toMatch(/needs a checkpoint/);
    expect(panels.show).toHaveBeenCalledWith('model');
    expect(before).not.toHaveBeenCalled();
    expect(draft.configuration).toBe(configuration);
  });

  test('says so when the list of checkpoints fails, and asks anew the next time', async () => {
    const lab = fakeLab();
    const { page: all } = page();
    const error = { kind: 'storage', message: 'The storage is shut.', action: 'Open it.' } as never;
    const first = trainHere(ON_CHECKPOINT, all, () => undefined);
    lab.asked('listModels')[0]?.fail(error);
    expect(await first).toMatch(/could not be found out: The storage is shut\. Open it\./);
    void trainHere(ON_CHECKPOINT, all, () => undefined);
    expect(lab.asked('listModels')).toHaveLength(2);
  });

  test('does not wait forever for a list that does not come', async () => {
    fakeLab();
    vi.useFakeTimers();
    const asked = trainHere(ON_CHECKPOINT, page().page, () => undefined);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await asked).toMatch(/does not come/);
  });
});

describe('a recorded run', () => {
  test('is shown as that, at the step that is named', async () => {
    fakeLab();
    const run = inventedRun();
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(run))));
    const { page: all, session, view } = page();
    const shown = await showRecorded({ label: 'L', recorded: 'invented', step: 200 }, all);
    expect(shown).toMatchObject({ name: run.name });
    expect(session.stage.shownAs).toBe('recorded');
    expect(view.step).toBeLessThanOrEqual(200);
  });

  test('that is missing is said, and tried again', async () => {
    fakeLab();
    const fetching = vi.fn(() => Promise.resolve(new Response('', { status: 404 })));
    vi.stubGlobal('fetch', fetching);
    const { page: all, session } = page();
    expect(await showRecorded({ label: 'L', recorded: 'missing', step: 1 }, all)).toMatch(/no recorded run/);
    expect(session.kind).toBe('none');
    await showRecorded({ label: 'L', recorded: 'missing', step: 1 }, all);
    expect(fetching).toHaveBeenCalledTimes(2);
  });
});
