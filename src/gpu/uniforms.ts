import { SLOT_BYTES, type ParamBlock } from './params.ts';

/** The parameters of a flush in one buffer on the GPU, which grows as needed and is used again by the next flush. */
export class Uniforms {
  #buffer: GPUBuffer | undefined;

  constructor(private readonly device: GPUDevice) {}

  /** Writes a block's slots, in one go. Gives the buffer: another than before when it had to grow. */
  write(block: ParamBlock): GPUBuffer {
    const { bytes, slots } = block;
    const needed = Math.max(1, slots) * SLOT_BYTES;
    if (!this.#buffer || this.#buffer.size < needed) {
      this.#buffer?.destroy();
      this.#buffer = this.device.createBuffer({
        label: 'params',
        size: 2 ** Math.ceil(Math.log2(needed)),
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
    }
    if (slots > 0) this.device.queue.writeBuffer(this.#buffer, 0, bytes);
    return this.#buffer;
  }
}
