import { describe, expect, test } from 'vitest';
import { Autosave, MOST_UNSAVED_MS, WORTH_SAVING_MS } from '../../src/run/autosave.ts';

const SMALL = { base: 'scratch', autosaveEvery: 10 } as const;
const CHECKPOINT = { base: 'checkpoint', autosaveEvery: 10 } as const;

describe('a run', () => {
  test('loses less than a minute', () => {
    const autosave = new Autosave(SMALL, 0, 0);
    autosave.goesOn(0, 0);
    expect(autosave.isDue(10, false, MOST_UNSAVED_MS - 1)).toBe(false);
    expect(autosave.isDue(11, false, MOST_UNSAVED_MS)).toBe(true);
    autosave.saved(11, 50_000);
    expect(autosave.isDue(12, false, 50_000 + MOST_UNSAVED_MS - 1)).toBe(false);
    expect(autosave.isDue(13, false, 50_000 + MOST_UNSAVED_MS)).toBe(true);
    expect(MOST_UNSAVED_MS).toBeLessThan(60_000);
  });

  test('is saved after its first step where that took long, and not for having stood still', () => {
    const slow = new Autosave(SMALL, 0, 0);
    slow.goesOn(0, 600_000);
    expect(slow.isDue(1, false, 600_000 + MOST_UNSAVED_MS)).toBe(true);
    const rested = new Autosave(SMALL, 7, 0);
    rested.goesOn(7, 600_000);
    expect(rested.isDue(8, false, 601_000)).toBe(false);
  });

  test('is saved at a pause, if there is enough to be lost', () => {
    const autosave = new Autosave(SMALL, 5, 0);
    autosave.goesOn(5, 0);
    expect(autosave.isDue(6, true, WORTH_SAVING_MS - 1)).toBe(false);
    expect(autosave.isDue(7, false, WORTH_SAVING_MS)).toBe(false);
    expect(autosave.isDue(7, true, WORTH_SAVING_MS)).toBe(true);
    autosave.saved(7, WORTH_SAVING_MS);
    expect(autosave.isDue(7, true, 600_000), 'nothing new').toBe(false);
  });

  test('that paused with a little unsaved counts that in when it goes on, and when its page is hidden', () => {
    const autosave = new Autosave(SMALL, 0, 0);
    autosave.goesOn(0, 0);
    expect(autosave.isWorthIt(3, 5_000)).toBe(false);
    autosave.goesOn(3, 40_000);
    expect(autosave.isDue(4, false, MOST_UNSAVED_MS)).toBe(true);
    expect(autosave.isWorthIt(4, MOST_UNSAVED_MS)).toBe(true);
    autosave.saved(4, MOST_UNSAVED_MS);
    expect(autosave.isWorthIt(4, 600_000)).toBe(false);
  });

  test('on a checkpoint is saved every so many steps besides', () => {
    const due = (settings: typeof SMALL | typeof CHECKPOINT) =>
      Array.from({ length: 30 }, (_, i) => i + 1).filter((step) =>
        new Autosave(settings, 0, 0).isDue(step, false, 1_000),
      );
    expect(due(CHECKPOINT)).toEqual([10, 20, 30]);
    expect(due(SMALL)).toEqual([]);
  });

  test('is never saved by itself where every 0 steps are asked for', () => {
    for (const base of ['scratch', 'checkpoint'] as const) {
      const autosave = new Autosave({ base, autosaveEvery: 0 }, 0, 0);
      expect([autosave.isDue(10, true, 600_000), autosave.isWorthIt(10, 600_000)]).toEqual([false, false]);
    }
  });
});

test('a save that failed is tried again, but not at every step', () => {
  const autosave = new Autosave(SMALL, 0, 0);
  autosave.failed(50_000);
  expect(autosave.isDue(20, false, 50_000 + MOST_UNSAVED_MS - 1)).toBe(false);
  expect(autosave.isDue(21, false, 50_000 + MOST_UNSAVED_MS)).toBe(true);
  expect(autosave.step).toBe(0);
});

test('a run whose save was deleted is saved no more by itself, until somebody asks for it', () => {
  const autosave = new Autosave(CHECKPOINT, 0, 0);
  autosave.stop();
  expect([autosave.isDue(10, true, 600_000), autosave.isWorthIt(10, 600_000)]).toEqual([false, false]);
  autosave.saved(10, 600_000);
  expect(autosave.isDue(20, false, 600_001)).toBe(true);
});
