import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LabFailure, STOPPED } from '../../../src/lab/door/labError.ts';
import type { Door } from '../../../src/lab/door/protocol.ts';
import { configure, type Configuration } from '../../../src/settings/configuration.ts';
import { WarmUp } from '../../../src/ui/state/warmUp.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Requests as they come, each under way until it is stopped. */
function door() {
  const asked: { configuration: Configuration; isStopped: boolean }[] = [];
  const ask = ((command: { configuration: Configuration }, { signal }: { signal: AbortSignal }) => {
    const one = { configuration: command.configuration, isStopped: false };
    asked.push(one);
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        one.isStopped = true;
        reject(new LabFailure(STOPPED));
      });
    });
  }) as unknown as Door['ask'];
  return { asked, ask };
}

const [first, second, third] = [8, 6, 4].map((chunks) => configure({ chunks })) as [
  Configuration,
  Configuration,
  Configuration,
];

test('what a page opens with is compiled at once, what is chosen then once it stands for a while, and what was before no more', async () => {
  const lab = door();
  const warmUp = new WarmUp(lab);
  warmUp.follow(undefined);
  expect(lab.asked).toEqual([]);
  warmUp.follow(first);
  expect(lab.asked).toEqual([{ configuration: first, isStopped: false }]);
  warmUp.follow(second);
  expect(lab.asked[0]?.isStopped).toBe(true);
  await vi.advanceTimersByTimeAsync(50);
  expect(lab.asked).toHaveLength(1);
  warmUp.follow(third);
  await vi.advanceTimersByTimeAsync(1000);
  expect(lab.asked.map(({ configuration }) => configuration)).toEqual([first, third]);
});

test('a run that begins stops nothing that it needs, and nothing is begun beside it', async () => {
  const lab = door();
  const warmUp = new WarmUp(lab);
  warmUp.follow(first);
  await vi.advanceTimersByTimeAsync(1000);
  warmUp.follow(undefined);
  await vi.advanceTimersByTimeAsync(1000);
  expect(lab.asked).toEqual([{ configuration: first, isStopped: false }]);
  warmUp.follow(first);
  await vi.advanceTimersByTimeAsync(1000);
  expect(lab.asked).toHaveLength(1);

  warmUp.follow(second);
  warmUp.follow(undefined);
  await vi.advanceTimersByTimeAsync(1000);
  expect(lab.asked).toHaveLength(1);
  // The run is over: what is chosen by now.
  warmUp.follow(second);
  await vi.advanceTimersByTimeAsync(1000);
  expect(lab.asked.at(-1)?.configuration).toBe(second);
  warmUp.end();
  expect(lab.asked.at(-1)?.isStopped).toBe(true);
});

test('once its kernels are there, their tiles are measured; of what was stopped or failed, nothing is', async () => {
  const asked: string[] = [];
  let isRefused = false;
  const ask = ((command: { type: string }) => {
    asked.push(command.type);
    return isRefused ? Promise.reject(new LabFailure(STOPPED)) : Promise.resolve({});
  }) as unknown as Door['ask'];
  const warmUp = new WarmUp({ ask });
  warmUp.follow(first);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(['warmUp', 'tuneTiles']);
  isRefused = true;
  warmUp.follow(second);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(['warmUp', 'tuneTiles', 'warmUp']);
});

test('tiles that there was no time for are measured whenever a run rests, as long as that comes to anything', async () => {
  const asked: string[] = [];
  const lefts = [7, 3, 2, 2];
  const ask = (({ type }: { type: string }) => {
    asked.push(type);
    return Promise.resolve(type === 'tuneTiles' ? { left: lefts.shift() } : {});
  }) as unknown as Door['ask'];
  const warmUp = new WarmUp({ ask });
  const rest = async (): Promise<number> => {
    asked.length = 0;
    warmUp.follow(undefined);
    warmUp.follow(first);
    await vi.advanceTimersByTimeAsync(1000);
    return asked.length;
  };
  warmUp.follow(first);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(['warmUp', 'tuneTiles']);
  // Nothing has run.
  warmUp.follow(first);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(2);
  expect(await rest()).toBe(1);
  expect(await rest()).toBe(1);
  expect(await rest()).toBe(1);
  // The same two again: there is no room for them.
  expect(await rest()).toBe(0);
});
