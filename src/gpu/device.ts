import { DeviceLostError, GpuUnavailableError } from './errors.ts';

/** What a GPU says of itself, for people and for bug reports. */
export interface GpuInfo {
  vendor: string;
  architecture: string;
  description: string;
  /** A CPU pretending to be a GPU (SwiftShader, llvmpipe): correct but slow. */
  software: boolean;
}

/** An open device with the limits and features it really has. */
export interface GpuDevice {
  readonly device: GPUDevice;
  readonly info: GpuInfo;
  readonly limits: GPUSupportedLimits;
  readonly hasTimestamps: boolean;
  /** Kernels may hold and convert numbers of 16 bits (shader-f16). */
  readonly hasHalf: boolean;
  /** Threads that surely exchange numbers without workgroup memory, a power of two; undefined: none do. */
  readonly subgroupSize: number | undefined;
  /** Nothing is computed, and what is read is zero (dryDevice.ts). */
  readonly dry: boolean;
  /** Resolves (never rejects) when the device is lost, with the error to show; not on our own destroy. */
  readonly lost: Promise<DeviceLostError>;
  destroy(): void;
}

/** Limits worth having when the GPU offers them: all else stays at the WebGPU defaults. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxStorageBuffersPerShaderStage',
] as const;

const HOW_TO_GET =
  'Use a current Chrome or Edge on a desktop, or Safari 26; check chrome://gpu and update the graphics driver.';

/** Chromium gives a page none for two minutes once it has lost its GPU twice, and no page one where its GPU process ends again and again. */
const WHERE_LOST =
  'Where there was one before, it was lost: wait two minutes and try again, and start the browser anew if that does not help.';

/** What WebGPU promises of subgroups where a browser does not say more. */
const LEAST_SUBGROUP = 4;

export interface OpenOptions {
  powerPreference?: GPUPowerPreference;
  /** Ask for nothing beyond the WebGPU defaults: shows that small limits suffice. */
  defaultLimits?: boolean;
}

/**
 * Opens a device on the best GPU.
 * @throws GpuUnavailableError when there is no WebGPU, no GPU behind it, or none that gives a device.
 */
export async function openDevice(gpu: GPU | undefined, options: OpenOptions = {}): Promise<GpuDevice> {
  if (!gpu) throw new GpuUnavailableError('This browser has no WebGPU.', HOW_TO_GET);
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' });
  if (!adapter) throw new GpuUnavailableError('WebGPU is there, but it found no GPU.', `${WHERE_LOST} ${HOW_TO_GET}`);
  const requiredLimits: Record<string, number> = {};
  if (!options.defaultLimits) for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name];
  const has = (feature: GPUFeatureName): boolean => adapter.features.has(feature);
  const hasTimestamps = has('timestamp-query');
  const hasHalf = !options.defaultLimits && has('shader-f16');
  const hasSubgroups = !options.defaultLimits && has('subgroups');
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      requiredLimits,
      requiredFeatures: [
        ...(hasTimestamps ? (['timestamp-query'] as const) : []),
        ...(hasHalf ? (['shader-f16'] as const) : []),
        ...(hasSubgroups ? (['subgroups'] as const) : []),
      ],
    });
  } catch (cause) {
    throw new GpuUnavailableError(`The GPU gave no device: ${String(cause)}`, HOW_TO_GET);
  }
  let closing = false;
  const lost = new Promise<DeviceLostError>((resolve) => {
    void device.lost.then((info) => {
      if (closing) return;
      resolve(
        new DeviceLostError(
          `The GPU was lost: ${info.message || info.reason || 'no reason given'}`,
          'Your text and settings are kept. Press Reset to start on a fresh device; a smaller batch needs less memory.',
        ),
      );
    });
  });
  return {
    device,
    info: describe(adapter),
    limits: device.limits,
    hasTimestamps,
    hasHalf,
    subgroupSize: hasSubgroups ? (adapter.info.subgroupMinSize ?? LEAST_SUBGROUP) : undefined,
    dry: false,
    lost,
    destroy() {
      closing = true;
      device.destroy();
    },
  };
}

function describe(adapter: GPUAdapter): GpuInfo {
  const { vendor, architecture, description } = adapter.info;
  const software = /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(
    `${vendor} ${architecture} ${description}`,
  );
  return { vendor, architecture, description, software };
}
