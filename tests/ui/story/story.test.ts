import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { configure } from '../../../src/settings/configuration.ts';
import { Story } from '../../../src/ui/panels/story/story.svelte.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import type { Session } from '../../../src/ui/state/session.svelte.ts';
import type { ShownRun } from '../../../src/ui/state/stage.svelte.ts';
import type { View } from '../../../src/ui/state/view.svelte.ts';
import type { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { recordedRun } from './recordedRun.ts';

/** The run of the story, a session that shows it, and a view that goes where it is told. */
function stage() {
  const recorded = recordedRun();
  const run: ShownRun = {
    name: 'Recorded',
    history: History.from(recorded),
    configuration: recorded.configuration,
    corpus: recorded.corpus,
  };
  const session = {
    history: run.history,
    revision: 0,
    reader: { present: { title: '', content: '' } },
    show: vi.fn((shown: ShownRun) => {
      session.history = shown.history;
    }),
  };
  const ways: { to: number; arrive: (hasArrived: boolean) => void }[] = [];
  const view = {
    step: 0,
    frames: { document: true, wording: false },
    show: vi.fn(),
    subject: 'probe',
    lens: { leave: vi.fn() },
    travel: vi.fn((step: number) => {
      view.step = step;
    }),
    play: ({ to }: { to: number }) =>
      new Promise<boolean>((resolve) => {
        ways.push({
          to,
          arrive: (hasArrived) => {
            if (hasArrived) view.step = to;
            resolve(hasArrived);
          },
        });
      }),
    stop: vi.fn(() => ways.at(-1)?.arrive(false)),
  };
  const draft = { configuration: configure({}), presetId: 'facts' as string | undefined };
  const story = new Story(session as unknown as Session, view as unknown as View, draft as unknown as Draft);
  return { run, session, view, ways, draft, story };
}

const steps = (story: Story): number[] => story.chapters.map(({ step }) => step);

beforeEach(() => {
  vi.useFakeTimers();
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the story', () => {
  test('begins by itself, holds each moment, and stops at the end', async () => {
    const { run, story, view, ways } = stage();
    story.open();
    story.begin(run, false);
    expect([story.isPlaying, story.index, view.step]).toEqual([true, 0, steps(story)[0]]);
    for (const [i, step] of steps(story).slice(1).entries()) {
      await vi.advanceTimersByTimeAsync(1000);
      expect(ways).toHaveLength(i);
      await vi.advanceTimersByTimeAsync(20_000);
      expect(ways.at(-1)?.to).toBe(step);
      ways.at(-1)?.arrive(true);
      await vi.advanceTimersByTimeAsync(1);
      expect([story.index, story.isThere]).toEqual([i + 1, true]);
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect([story.isPlaying, ways]).toEqual([false, expect.any(Array)]);
    expect(ways).toHaveLength(steps(story).length - 1);
  });

  test('is told in about a minute', () => {
    const { run, story } = stage();
    story.open();
    story.begin(run, true);
    expect(story.lengthMs).toBeGreaterThan(40_000);
    expect(story.lengthMs).toBeLessThan(80_000);
  });

  test('stands still where it is stopped, also on the way', async () => {
    const { run, story, view, ways } = stage();
    story.open();
    story.begin(run, false);
    await vi.advanceTimersByTimeAsync(20_000);
    view.step = 7;
    story.pause();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([story.isPlaying, story.isThere, view.step]).toEqual([false, false, 7]);
    expect(ways).toHaveLength(1);
    story.play();
    await vi.advanceTimersByTimeAsync(1);
    expect(ways).toHaveLength(2);
  });

  test('does not begin by itself for those who want no motion', async () => {
    const { run, story, view, ways } = stage();
    story.open();
    view.step = run.history.lastStep;
    story.begin(run, true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([story.isPlaying, story.isTold, ways.length, story.index]).toEqual([false, true, 0, 0]);
  });

  test('goes from chapter to chapter, and back to the beginning of the one that is looked at', () => {
    const { run, story, view } = stage();
    story.open();
    story.begin(run, true);
    story.go(0);
    story.next();
    expect([story.index, view.step]).toEqual([1, steps(story)[1]]);
    view.step += 1;
    expect([story.index, story.isThere]).toEqual([1, false]);
    story.previous();
    expect(view.step).toBe(steps(story)[1]);
    story.previous();
    story.previous();
    expect(view.step).toBe(steps(story)[0]);
    for (let i = 0; i < 9; i++) story.next();
    expect(view.step).toBe(steps(story).at(-1));
  });

  test('gives way to another run, another text and another source, and can be called back', () => {
    const changes: ((one: ReturnType<typeof stage>) => void)[] = [
      ({ session }) => (session.history = History.from(recordedRun())),
      ({ draft }) => (draft.configuration = configure({ source: 'kitchen' })),
      ({ draft }) => (draft.presetId = 'oracle'),
    ];
    for (const change of changes) {
      const all = stage();
      const { run, story, session } = all;
      story.open();
      story.begin(run, false);
      story.follow();
      expect(story.isTold).toBe(true);
      change(all);
      story.follow();
      expect([story.isOpen, story.isPlaying, story.isTold]).toEqual([false, false, false]);
      story.open();
      expect([story.isTold, session.history]).toEqual([true, run.history]);
      expect(story.index).toBe(0);
      story.follow();
      expect(story.isTold).toBe(true);
    }
  });

  test('is not told unasked to who left it, nor where the address asks for something else', () => {
    expect([Story.isWelcome(''), Story.isWelcome('#lesson=1.2'), Story.isWelcome('#story')]).toEqual([
      true,
      false,
      true,
    ]);
    const { run, story } = stage();
    story.open();
    story.begin(run, true);
    story.giveWay();
    expect([Story.isWelcome(''), Story.isWelcome('#story')]).toEqual([false, true]);
    story.open();
    expect(Story.isWelcome('')).toBe(true);
  });

  test('does not exist where the recorded run has none, and gives way', () => {
    const { story, session } = stage();
    const { probe: _, ...older } = recordedRun();
    const history = History.from(older);
    session.history = history;
    story.open();
    expect(story.exists).toBe(true);
    story.begin({ name: '', history, configuration: older.configuration, corpus: older.corpus }, false);
    expect([story.exists, story.isOpen, story.isTold]).toEqual([false, false, false]);
  });
});
