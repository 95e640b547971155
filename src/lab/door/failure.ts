import { CorpusError } from '../../corpus/errors.ts';
import { ModelFileError } from '../../files/formats/byteSource.ts';
import { StorageFullError, StoreBusyError, StoreRefusedError } from '../../files/store/fileStore.ts';
import { HubError } from '../../files/hub/hub.ts';
import { SafetensorsError } from '../../files/formats/safetensors.ts';
import { DownloadError } from '../../files/hub/transfer.ts';
import { DeviceLostError, GpuError, GpuLimitError, GpuUnavailableError, OutOfMemoryError } from '../../gpu/errors.ts';
import { ModelConfigError } from '../../models/config.ts';
import { TrainingStateError } from '../../training/state.ts';
import { TrainingDivergedError } from '../../training/trainer.ts';
import { MemoryRefusedError } from '../../run/memory.ts';
import type { LabError } from './protocol.ts';
import { SettingError } from '../../settings/setting.ts';

const STORAGE = [StorageFullError, StoreBusyError, StoreRefusedError];
const FILES = [ModelFileError, SafetensorsError, ModelConfigError, TrainingStateError];

/** What to tell the person at the screen about anything that was thrown. Decided by type, never by reading messages. */
export function describeFailure(cause: unknown): LabError {
  if (cause instanceof SettingError)
    return {
      kind: 'badSetting',
      message: cause.message,
      action: 'Change the setting; the run so far is kept.',
      setting: cause.key,
    };
  if (cause instanceof MemoryRefusedError)
    return {
      kind: 'outOfMemory',
      message: cause.message,
      action: 'Take that, or raise “GPU memory to use” if this GPU has more. Nothing was loaded.',
    };
  if (cause instanceof CorpusError)
    return { kind: 'badInput', message: cause.message, action: 'What was there before is kept.' };
  if (cause instanceof TrainingDivergedError)
    return {
      kind: 'diverged',
      message: cause.message,
      action: 'Lower the learning rate or raise the temperature, then press Reset. The curves so far stay.',
    };
  if (cause instanceof GpuUnavailableError) return { kind: 'noWebGpu', message: cause.message, action: cause.action };
  if (cause instanceof DeviceLostError) return { kind: 'deviceLost', message: cause.message, action: cause.action };
  if (cause instanceof OutOfMemoryError || cause instanceof GpuLimitError)
    return { kind: 'outOfMemory', message: cause.message, action: cause.action };
  if (cause instanceof HubError || cause instanceof DownloadError)
    return { kind: 'network', message: cause.message, action: 'What has arrived is kept.' };
  if (STORAGE.some((type) => cause instanceof type))
    return { kind: 'storage', message: (cause as Error).message, action: 'Nothing that was there before is lost.' };
  if (FILES.some((type) => cause instanceof type))
    return { kind: 'badInput', message: (cause as Error).message, action: 'What was there before is kept.' };
  const action =
    cause instanceof GpuError ? cause.action : 'This is a bug of ours: please report it. Press Reset to go on.';
  return { kind: 'bug', message: cause instanceof Error ? cause.message : String(cause), action };
}
