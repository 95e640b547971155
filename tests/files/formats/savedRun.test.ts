import { afterAll, beforeAll, expect, test } from 'vitest';
import { BadInputError } from '../../../src/base/errors.ts';
import { memorySource, ModelFileError } from '../../../src/files/formats/byteSource.ts';
import { readSavedRun, readSavedRunMetadata, writeSavedRun } from '../../../src/files/formats/savedRun.ts';
import { concatenated, SafetensorsError, writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { configure } from '../../../src/settings/configuration.ts';
import { setUpCorpus } from '../../../src/run/corpusSetup.ts';
import { openExperiment } from '../../../src/run/assemble.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { restoreTraining, saveTraining, TrainingStateError } from '../../../src/training/state.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 };

async function experiment(changes: Record<string, unknown> = {}) {
  const configuration = configure({ ...TINY, ...changes });
  return openExperiment(runtime, configuration, await setUpCorpus(configuration));
}

const METADATA = { configuration: '{"chunks":4}', seed: '7', text: 'Shore "ü"\n', base: 'Qwen/Qwen2.5-0.5B' };
const opened = (file: Uint8Array) => readSavedRun(memorySource('run.safetensors', file));

test.each([{}, { trained: 'lora' }, { trained: 'lora', learnGate: true }])(
  'written to a file and read again, a run goes on bit for bit: %o',
  async (changes) => {
    const first = await experiment(changes);
    for (let i = 0; i < 2; i++) await first.trainer.step();
    const file = concatenated(await writeSavedRun(await saveTraining(runtime, first.optimiser), METADATA));
    const expected = await first.trainer.step();
    const after = await saveTraining(runtime, first.optimiser);
    first.destroy();

    const { state, metadata } = await opened(file);
    expect(metadata).toEqual(METADATA);
    expect(state.step).toBe(2);
    const second = await experiment(changes);
    await second.trainer.step();
    await restoreTraining(runtime, second.optimiser, state);
    const again = await second.trainer.step();
    for (const key of ['step', 'metrics', 'gradientNorm', 'matrices'] as const)
      expect(again[key]).toEqual(expected[key]);
    expect(await saveTraining(runtime, second.optimiser)).toEqual(after);
    second.destroy();
  },
);

const STATE = {
  step: 12,
  tensors: new Map([
    ['retriever.0.parameters', Float32Array.of(1, -0, 1e-40, 3)],
    ['retriever.0.m', Float32Array.of(5, 6, 7, 8)],
  ]),
};

test('every bit of the numbers is kept, and nothing is copied to write them', async () => {
  const chunks = await writeSavedRun(STATE, METADATA);
  expect(chunks[1]!.buffer).toBe(STATE.tensors.get('retriever.0.parameters')!.buffer);
  const file = concatenated(chunks);
  const { state } = await opened(file);
  expect(state.tensors.size).toBe(2);
  for (const [name, data] of STATE.tensors)
    expect(new Uint32Array(state.tensors.get(name)!.buffer)).toEqual(new Uint32Array(data.buffer));
  expect(await readSavedRunMetadata(memorySource('run', file))).toEqual({ step: 12, metadata: METADATA });
  await expect(writeSavedRun(STATE, { step: '3' })).rejects.toThrow('cannot use the name step');
});

const FLAT = { name: 'a', shape: [2], data: Float32Array.of(1, 2) };
const RUN = { format: 'revela-run', version: '1', step: '3' };
test.each<[string, Uint8Array, new () => Error, RegExp]>([
  [
    'a file of weights',
    writeSafetensors([FLAT], { format: 'pt' }),
    ModelFileError,
    /a safetensors file, but not a saved run/,
  ],
  [
    'a later version',
    writeSafetensors([FLAT], { ...RUN, version: '3' }),
    ModelFileError,
    /of version "3"; versions 1 and 2 are read/,
  ],
  ['no version', writeSafetensors([FLAT], { format: RUN.format, step: '3' }), ModelFileError, /of version ""/],
  [
    'no step',
    writeSafetensors([FLAT], { format: RUN.format, version: '1' }),
    ModelFileError,
    /says step "", which is no step/,
  ],
  ['a step that is none', writeSafetensors([FLAT], { ...RUN, step: '-1' }), ModelFileError, /says step "-1"/],
  [
    'a step beyond 2^53',
    writeSafetensors([FLAT], { ...RUN, step: '9007199254740993' }),
    ModelFileError,
    /says step "9007/,
  ],
  ['a matrix', writeSafetensors([{ ...FLAT, shape: [2, 1] }], RUN), ModelFileError, /a is F32 of 2 dimensions/],
  ['half precision', writeSafetensors([{ ...FLAT, dtype: 'BF16' }], RUN), ModelFileError, /a is BF16 of 1 dimensions/],
  [
    'NaN',
    writeSafetensors([{ ...FLAT, data: Float32Array.of(1, NaN) }], RUN),
    SafetensorsError,
    /a holds NaN or infinite numbers/,
  ],
  [
    'a version with checksums that has none',
    writeSafetensors([FLAT], { ...RUN, version: '2' }),
    SafetensorsError,
    /it has lost its checksum/,
  ],
  ['a file cut short', writeSafetensors([FLAT], RUN).subarray(0, -1), SafetensorsError, /the file is cut short/],
  ['an empty file', new Uint8Array(), SafetensorsError, /is empty \(0 bytes\)/],
])('%s is refused', async (_what, file, type, message) => {
  const error = await opened(file).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(type);
  expect((error as Error).message).toMatch(message);
});

test('a file from before there were checksums is read as it stands', async () => {
  const { state, metadata } = await opened(writeSafetensors([FLAT], { ...RUN, text: 'Shore' }));
  expect(state).toEqual({ step: 3, tensors: new Map([['a', Float32Array.of(1, 2)]]) });
  expect(metadata).toEqual({ text: 'Shore' });
});

test('each single bit that flips is noticed', async () => {
  const file = concatenated(await writeSavedRun(STATE, { text: 'Shore "ü"', record: '{"revela_checksum":"0"}' }));
  await opened(file);
  for (let bit = 0; bit < 8 * file.length; bit++) {
    const flipped = file.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const error = await opened(flipped).catch((cause: unknown) => cause);
    expect(error, `bit ${bit & 7} of byte ${bit >> 3}`).toBeInstanceOf(BadInputError);
  }
});

test('what was changed since it was written is told as damage', async () => {
  const file = concatenated(await writeSavedRun(STATE, METADATA));
  file[file.length - 1]! ^= 0x20;
  await expect(opened(file)).rejects.toThrow(
    'run.safetensors is damaged: its checksum is not that of its content, so some of it has changed since it was written. Use another copy.',
  );
});

test('a file that shrinks while it is read is noticed', async () => {
  const file = writeSafetensors([FLAT], RUN);
  const source = {
    name: 'run',
    size: file.length,
    read: (begin: number, end: number) => Promise.resolve(file.slice(begin, Math.min(end, file.length - 3))),
  };
  await expect(readSavedRun(source)).rejects.toThrow('run ended in the middle of a: the file is cut short.');
});

test('a saved run that does not fit changes nothing', async () => {
  const run = await experiment({ trained: 'lora' });
  await run.trainer.step();
  const before = await saveTraining(runtime, run.optimiser);
  const [name, data] = [...before.tensors][0]!;
  const wrong: [number, ReadonlyMap<string, Float32Array<ArrayBuffer>>, RegExp][] = [
    [1, new Map([...before.tensors].slice(1)), /has no numbers and should have/],
    [1, new Map([...before.tensors, [name, data.slice(1)]]), /has \d+ numbers and should have \d+/],
    [
      1,
      new Map([...before.tensors, ['gates.0.m', data]]),
      /holds gates\.0\.m, but this model trains nothing of that name/,
    ],
    [-1, before.tensors, /has made -1 updates/],
    [NaN, before.tensors, /has made NaN updates/],
  ];
  for (const [step, tensors, message] of wrong) {
    const changed = new Map([...tensors].map(([key, values]) => [key, values.map((value) => value + 1)]));
    const restore = restoreTraining(runtime, run.optimiser, { step, tensors: changed });
    await expect(restore).rejects.toThrow(TrainingStateError);
    await expect(restore).rejects.toThrow(message);
    expect(await saveTraining(runtime, run.optimiser)).toEqual(before);
  }
  run.destroy();
});
