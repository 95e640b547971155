import { expect, test } from 'vitest';
import { loadTransformers } from '../../src/cli/support/transformers.ts';
import { openEncoder } from '../../src/encoder/encoder.ts';
import { openRemoteEncoder } from '../../src/encoder/remote/remoteEncoder.ts';
import { inProcessWorker, type InProcessWorker } from './inProcess.ts';
import { tinyWith } from './folder.ts';

const TEXTS = ['The tide turns twice a day.', 'loud gulls', 'sea'];

test('gives from its worker what it gives at once', async () => {
  const steps: string[] = [];
  const remote = await openRemoteEncoder(inProcessWorker, tinyWith(), {
    name: 'tiny',
    onProgress: (one) => steps.push(one),
  });
  const near = await openEncoder(await loadTransformers(), tinyWith(), { name: 'tiny' });
  expect([remote.name, remote.card, remote.maxTokens, remote.dimensions]).toEqual(['tiny', near.card, 12, 8]);
  expect(steps).toEqual(['Reading tiny', 'Loading transformers.js', 'Reading tiny', 'Loading tiny']);
  const told: number[] = [];
  const vectors = await remote.embed('query', TEXTS, { onProgress: (fraction) => told.push(fraction) });
  expect([...vectors]).toEqual([...(await near.embed('query', TEXTS, {}))]);
  expect(told).toEqual([0, 1 / 3, 2 / 3]);
  expect(await remote.countLonger('passage', TEXTS)).toBe(await near.countLonger('passage', TEXTS));
  await near.close();
  await remote.close();
  await expect(remote.embed('query', TEXTS, {})).rejects.toThrow('tiny was closed. Open it again.');
});

test('what cannot be used starts no worker', async () => {
  const opening = openRemoteEncoder(() => expect.unreachable(), tinyWith({ 'config.json': undefined }), {
    name: 'tiny',
  });
  await expect(opening).rejects.toThrow('there is no config.json');
});

test('weights that cannot be loaded are said as at once, and the worker ends', async () => {
  const worker = inProcessWorker();
  const opening = openRemoteEncoder(() => worker, tinyWith({ 'onnx/model.onnx': 'nothing of the kind' }), {
    name: 'tiny',
  });
  await expect(opening).rejects.toMatchObject({
    name: 'ModelFileError',
    message: /onnx\/model\.onnx of tiny cannot be loaded/,
  });
  expect(worker.isEnded).toBe(true);
});

test('stops between two texts, and goes on with the next request; stopped while it is loaded, its worker ends', async () => {
  let worker: InProcessWorker | undefined;
  const remote = await openRemoteEncoder(() => (worker = inProcessWorker()), tinyWith(), { name: 'tiny' });
  const stop = new AbortController();
  const embedding = remote.embed('query', Array<string>(2000).fill('sea'), {
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  await expect(embedding).rejects.toMatchObject({ code: 'aborted' });
  expect(worker?.heard.at(-1)).toMatchObject({ kind: 'stop' });
  expect((await remote.embed('query', ['sea'], {})).length).toBe(8);
  await remote.close();

  const early = new AbortController();
  const opening = openRemoteEncoder(() => (worker = inProcessWorker()), tinyWith(), {
    name: 'tiny',
    signal: early.signal,
    onProgress: (detail) => detail.startsWith('Loading') && early.abort(),
  });
  await expect(opening).rejects.toMatchObject({ code: 'aborted' });
  expect(worker?.isEnded).toBe(true);
});

test('a worker that crashes ends what waits for it', async () => {
  const worker = inProcessWorker();
  const remote = await openRemoteEncoder(() => worker, tinyWith(), { name: 'tiny' });
  const embedding = remote.embed('query', Array<string>(2000).fill('sea'), {
    onProgress: () => worker.crash('out of memory'),
  });
  await expect(embedding).rejects.toThrow('The encoder’s worker stopped: out of memory.');
});
