import { ReportedError } from '../base/errors.ts';

/**
 * Everything that can go wrong between us and the GPU, as types: callers switch on the class, never on a message.
 * `action` is a sentence for the person at the screen: what to do next.
 */
export abstract class GpuError extends ReportedError {
  constructor(
    message: string,
    override readonly action: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** There is no WebGPU here, or no adapter behind it. */
export class GpuUnavailableError extends GpuError {
  override readonly kind = 'noWebGpu';
}

/** The device went away (driver reset, sleep, too little memory). Nothing on it can be read any more. */
export class DeviceLostError extends GpuError {
  override readonly kind = 'deviceLost';
}

/** The GPU refused an allocation. `bytes` is what was asked for. */
export class OutOfMemoryError extends GpuError {
  override readonly kind = 'outOfMemory';
  constructor(
    message: string,
    action: string,
    readonly bytes: number,
  ) {
    super(message, action);
  }
}

/** A kernel did not compile. `listing` shows the line and its neighbours. */
export class ShaderCompileError extends GpuError {
  override readonly kind = 'bug';
  constructor(
    readonly kernel: string,
    readonly line: number,
    readonly listing: string,
    detail: string,
  ) {
    super(
      `Kernel ${kernel}, line ${line}: ${detail}\n${listing}`,
      'Please report this together with your GPU and browser.',
    );
  }
}

/** The GPU rejected a command: a bug of ours, never of the user. */
export class GpuValidationError extends GpuError {
  override readonly kind = 'bug';
}

/** A tensor does not fit the device's limits. */
export class GpuLimitError extends GpuError {
  override readonly kind = 'outOfMemory';
}
