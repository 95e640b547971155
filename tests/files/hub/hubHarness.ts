import { expect } from 'vitest';
import type { Clock } from '../../../src/files/hub/clock.ts';
import { HubError, repositoryAddress, type HubErrorCode } from '../../../src/files/hub/hub.ts';
import { STALL_MS } from '../../../src/files/hub/rangeRequest.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import type { FakeContent } from '../../harness/fakeHub.ts';

export const MODEL = 'someone/tiny-model';

/** Numbers that look like nothing in particular, always the same for a seed. */
export function bytesOf(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const numbers = new Float32Array(bytesOf(200_000).buffer).map((value) => (Number.isFinite(value) ? value : 0));

export const WEIGHTS = writeSafetensors([{ name: 'a', shape: [numbers.length], data: numbers }]);

/** A small repository with everything that a model has. */
export const FILES: Readonly<Record<string, FakeContent>> = {
  'README.md': 'Not needed.',
  'config.json': { json: { model_type: 'qwen2' } },
  'tokenizer.json': { json: { model: { type: 'BPE' } } },
  'tokenizer_config.json': { json: {} },
  'generation_config.json': { json: {} },
  'model.safetensors': WEIGHTS,
};

export const shards = (names: readonly string[]): FakeContent => ({
  json: { weight_map: Object.fromEntries(names.map((name, i) => [`tensor${i}`, name])) },
});

/** Time that passes only by waiting: no test sleeps, and every wait is on record. */
export interface TestClock extends Clock {
  /** Lengths of the waits between tries, in milliseconds. */
  readonly waits: number[];
}

/**
 * @param stalled resolves when a server has begun to say nothing: then the time that this may last is over.
 */
export function testClock(stalled?: (signal?: AbortSignal) => Promise<void>): TestClock {
  const waits: number[] = [];
  let now = 0;
  return {
    waits,
    now: () => (now += 100),
    wait(milliseconds, signal) {
      // The wait for a server that says nothing ends when one does so, and otherwise never.
      if (milliseconds === STALL_MS) return stalled?.(signal) ?? new Promise(() => undefined);
      waits.push(milliseconds);
      now += milliseconds;
      return signal?.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve();
    },
  };
}

export const addressOf = (hub: { url: string }, id = MODEL, revision = 'main') =>
  repositoryAddress(id, revision, hub.url);

/** The error that `work` ends with. */
export async function errorOf(work: Promise<unknown>): Promise<Error> {
  const cause = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(cause).toBeInstanceOf(Error);
  return cause as Error;
}

export async function hubErrorOf(work: Promise<unknown>, code: HubErrorCode): Promise<string> {
  const error = await errorOf(work);
  expect(error).toBeInstanceOf(HubError);
  expect((error as HubError).code).toBe(code);
  return error.message;
}

/** Compares long arrays, which expect().toEqual() does element by element. */
export function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  expect(actual?.length).toBe(expected.length);
  expect(Buffer.compare(actual ?? new Uint8Array(0), expected)).toBe(0);
}
