import { CorpusError } from '../corpus/errors.ts';
import { DeviceLostError, GpuError, GpuLimitError, GpuUnavailableError, OutOfMemoryError } from '../gpu/errors.ts';
import { TrainingDivergedError } from '../training/trainer.ts';
import type { LabError } from './protocol.ts';
import { SettingError } from './setting.ts';

/** What to tell the person at the screen about anything that was thrown. Decided by type, never by reading messages. */
export function describeFailure(cause: unknown): LabError {
  if (cause instanceof SettingError)
    return {
      kind: 'badSetting',
      message: cause.message,
      action: 'Change the setting; the run so far is kept.',
      setting: cause.key,
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
  const action =
    cause instanceof GpuError ? cause.action : 'This is a bug of ours: please report it. Press Reset to go on.';
  return { kind: 'bug', message: cause instanceof Error ? cause.message : String(cause), action };
}
