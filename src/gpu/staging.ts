import type { Read, Recording, Upload } from './commands.ts';
import { DeviceLostError } from './errors.ts';

/** WebGPU copies whole words only; every buffer has room for the last one. */
const wholeWords = (bytes: number) => Math.ceil(bytes / 4) * 4;

/** All uploads of a flush in one buffer, in the order in which they were recorded. */
export class UploadStaging {
  #buffer: GPUBuffer | undefined;
  #offset = 0;
  #next = 0;

  constructor(
    device: GPUDevice,
    private readonly uploads: Recording['uploads'],
  ) {
    const bytes = uploads.reduce((sum, { data }) => sum + data.length, 0);
    if (bytes === 0) return;
    this.#buffer = device.createBuffer({
      label: 'uploads',
      size: bytes,
      usage: GPUBufferUsage.COPY_SRC,
      mappedAtCreation: true,
    });
    const staged = new Uint8Array(this.#buffer.getMappedRange());
    let offset = 0;
    for (const { data } of uploads) {
      staged.set(data, offset);
      offset += data.length;
    }
    this.#buffer.unmap();
  }

  /** Records the copy of the next upload to its target; to be called once for each, in order. */
  encode(encoder: GPUCommandEncoder, { target }: Upload): void {
    const bytes = this.uploads[this.#next++]?.data.length;
    if (!this.#buffer || bytes === undefined) throw new Error('An upload carries nothing: this is a bug.');
    encoder.copyBufferToBuffer(this.#buffer, this.#offset, target.buffer, target.offset, bytes);
    this.#offset += bytes;
  }

  destroy(): void {
    this.#buffer?.destroy();
  }
}

/** All reads of a flush in one buffer, which is mapped once when the GPU is done. */
export class ReadStaging {
  #buffer: GPUBuffer | undefined;
  #offset = 0;

  constructor(
    device: GPUDevice,
    private readonly reads: readonly Read[],
    private readonly answers: Recording['answers'],
  ) {
    const bytes = reads.reduce((sum, { source }) => sum + wholeWords(source.size), 0);
    if (bytes === 0) return;
    this.#buffer = device.createBuffer({
      label: 'readback',
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /** Records the copy of the next read's source; to be called once for each, in order. */
  encode(encoder: GPUCommandEncoder, { source }: Read): void {
    if (!this.#buffer) throw new Error('A read has no staging buffer: this is a bug.');
    const bytes = wholeWords(source.size);
    encoder.copyBufferToBuffer(source.buffer, source.offset, this.#buffer, this.#offset, bytes);
    this.#offset += bytes;
  }

  /**
   * Asks for the results, once all copies are submitted; resolves when they are there.
   * @throws DeviceLostError when they cannot be read
   */
  async map(): Promise<void> {
    try {
      await this.#buffer?.mapAsync(GPUMapMode.READ);
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  /**
   * Answers every read after map(), and frees the buffer.
   * @throws DeviceLostError when the wait for the results was given up
   */
  deliver(): void {
    if (!this.#buffer) return;
    const all = this.#mapped(this.#buffer);
    let offset = 0;
    this.reads.forEach(({ source }, i) => {
      this.answers[i]?.resolve(all.slice(offset, offset + source.size));
      offset += wholeWords(source.size);
    });
    this.#buffer.unmap();
    this.#buffer.destroy();
  }

  #mapped(buffer: GPUBuffer): ArrayBuffer {
    try {
      return buffer.getMappedRange();
    } catch (cause) {
      throw unreadable(cause);
    }
  }
}

function unreadable(cause: unknown): DeviceLostError {
  return new DeviceLostError(`Results could not be read: ${String(cause)}`, 'Press Reset to start again.');
}
