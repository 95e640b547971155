import { SLOT_BYTES, type ParamBlock } from './params.ts';

/** The parameters of a flush in one buffer on the GPU, which grows as needed and is used again by the next flush. */
export class Uniforms {
  #buffer: GPUBuffer | undefined;
  /** What it holds, by block and version. */
  #written: { readonly block: ParamBlock; readonly version: number } | undefined;

  constructor(private readonly device: GPUDevice) {}

  /** Writes a block's slots, in one go, unless they are there already: those of a step that is sent again. Gives the buffer: another than before when it had to grow. */
  write(block: ParamBlock): GPUBuffer {
    const { bytes, slots, version } = block;
    const needed = Math.max(1, slots) * SLOT_BYTES;
    if (!this.#buffer || this.#buffer.size < needed) {
      this.#buffer?.destroy();
      this.#written = undefined;
      this.#buffer = this.device.createBuffer({
        label: 'params',
        size: 2 ** Math.ceil(Math.log2(needed)),
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
    }
    if (this.#written?.block === block && this.#written.version === version) return this.#buffer;
    if (slots > 0) this.device.queue.writeBuffer(this.#buffer, 0, bytes);
    this.#written = { block, version };
    return this.#buffer;
  }
}
