import { expect, test } from 'vitest';
import { ReportedError } from '../../src/base/errors.ts';
import { CorpusError } from '../../src/corpus/errors.ts';
import { ModelFileError } from '../../src/files/formats/byteSource.ts';
import { SafetensorsError } from '../../src/files/formats/safetensors.ts';
import { HubError } from '../../src/files/hub/hub.ts';
import { DownloadError } from '../../src/files/hub/transfer.ts';
import { LoadStoppedError } from '../../src/files/models/weightStream.ts';
import { StorageFullError, StoreBusyError, StoreRefusedError } from '../../src/files/store/fileStore.ts';
import {
  DeviceLostError,
  GpuLimitError,
  GpuUnavailableError,
  GpuValidationError,
  OutOfMemoryError,
  ShaderCompileError,
} from '../../src/gpu/errors.ts';
import { describeFailure } from '../../src/lab/door/failure.ts';
import { ModelConfigError } from '../../src/models/config.ts';
import { MemoryRefusedError } from '../../src/run/memory.ts';
import { SettingError } from '../../src/settings/setting.ts';
import { TrainingStateError } from '../../src/training/state.ts';
import { TrainingDivergedError } from '../../src/training/trainer.ts';

const KEPT = 'What was there before is kept.';
const ARRIVED = 'What has arrived is kept.';
const NOT_LOST = 'Nothing that was there before is lost.';

test.each([
  [new CorpusError('empty-text', 'm'), 'badInput', KEPT],
  [new ModelFileError('m'), 'badInput', KEPT],
  [new SafetensorsError('m'), 'badInput', KEPT],
  [new ModelConfigError('m'), 'badInput', KEPT],
  [new TrainingStateError('m'), 'badInput', KEPT],
  [new HubError('gated', 'm'), 'network', ARRIVED],
  [new DownloadError('wrongHash', 'm'), 'network', ARRIVED],
  [new StoreRefusedError('m'), 'storage', NOT_LOST],
  [new StoreBusyError('m'), 'storage', NOT_LOST],
  [new StorageFullError('It', 2, 1, 'Delete something.'), 'storage', NOT_LOST],
  [new GpuUnavailableError('m', 'Do this.'), 'noWebGpu', 'Do this.'],
  [new DeviceLostError('m', 'Do this.'), 'deviceLost', 'Do this.'],
  [new OutOfMemoryError('m', 'Do this.', 4), 'outOfMemory', 'Do this.'],
  [new GpuLimitError('m', 'Do this.'), 'outOfMemory', 'Do this.'],
  [new GpuValidationError('m', 'Do this.'), 'bug', 'Do this.'],
  [new ShaderCompileError('add', 1, '', 'm'), 'bug', 'Please report this together with your GPU and browser.'],
  [
    new MemoryRefusedError('m', undefined),
    'outOfMemory',
    'Take that, or raise “GPU memory to use” if this GPU has more. Nothing was loaded.',
  ],
  [
    new TrainingDivergedError(3),
    'diverged',
    'Lower the learning rate, raise the temperature or, where matrix products are in 16 bits, take 32, then press Reset. The curves so far stay.',
  ],
  [new LoadStoppedError(), 'stopped', 'Nothing has changed.'],
] as const)('%s is told as %s', (error, kind, action) => {
  expect(describeFailure(error)).toEqual({ kind, message: error.message, action });
});

test('a setting at fault is named', () => {
  expect(describeFailure(new SettingError('rank', 'Too large.'))).toEqual({
    kind: 'badSetting',
    message: 'Too large.',
    action: 'Change the setting; the run so far is kept.',
    setting: 'rank',
  });
});

test('an error nobody listed is told by its own words, anything else as a bug', () => {
  class NewError extends ReportedError {
    override readonly kind = 'storage';
    override readonly action = 'Wait a little.';
  }
  expect(describeFailure(new NewError('Not now.'))).toEqual({
    kind: 'storage',
    message: 'Not now.',
    action: 'Wait a little.',
  });
  for (const cause of [new TypeError('x is undefined'), 'x is undefined'])
    expect(describeFailure(cause)).toMatchObject({ kind: 'bug', message: 'x is undefined' });
});
