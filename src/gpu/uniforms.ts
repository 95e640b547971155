import type { RecordedDispatch } from './commands.ts';
import { packParams } from './params.ts';
import { shaderSource } from './shaderLibrary.ts';

/** WebGPU's default alignment of uniform offsets: what one dispatch's parameters get. */
const SLOT_BYTES = 256;

/** The parameter structs of a flush in one buffer, which grows as needed and is used again by the next flush. */
export class Uniforms {
  #buffer: GPUBuffer | undefined;

  constructor(private readonly device: GPUDevice) {}

  /** Packs the parameters of all dispatches, one slot each, and writes them once. */
  write(dispatches: readonly RecordedDispatch[]): void {
    if (dispatches.length === 0) return;
    const bytes = dispatches.length * SLOT_BYTES;
    if (!this.#buffer || this.#buffer.size < bytes) {
      this.#buffer?.destroy();
      this.#buffer = this.device.createBuffer({
        label: 'params',
        size: 2 ** Math.ceil(Math.log2(bytes)),
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
    }
    const data = new ArrayBuffer(bytes);
    dispatches.forEach(({ dispatch, offset }, i) => {
      const slot = new DataView(data, i * SLOT_BYTES, SLOT_BYTES);
      packParams(shaderSource(dispatch.kernel), offset, dispatch.params, slot);
    });
    this.device.queue.writeBuffer(this.#buffer, 0, data);
  }

  /** The parameters of the dispatch that was `index`-th in write(). */
  slot(index: number): GPUBufferBinding {
    if (!this.#buffer) throw new Error('A dispatch has no parameters: this is a bug.');
    return { buffer: this.#buffer, offset: index * SLOT_BYTES, size: SLOT_BYTES };
  }
}
