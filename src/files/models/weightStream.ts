import { ReportedError } from '../../base/errors.ts';
import type { BufferSlice } from '../../gpu/pool.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { SafetensorsError, type StoredTensor } from '../formats/safetensors.ts';
import { numberFormat } from './numberFormat.ts';
import type { WeightFile } from './weightFile.ts';

/** Most bytes of a checkpoint in one read. */
export const PIECE_BYTES = 4 * 2 ** 20;
/** So many bytes, handed out by the checkpoint or converted for the GPU, are sent before more are read. */
export const FLUSH_BYTES = 16 * 2 ** 20;
/**
 * What JavaScript holds of a checkpoint at most: FLUSH_BYTES on their way, once recorded and once in the mapped buffer that the
 * GPU copies from, and of the piece in hand the stored bytes, an aligned copy, the widened and the quantised numbers
 * (at most six times PIECE_BYTES, of 16-bit numbers).
 */
export const LOAD_MEMORY_BYTES = 2 * FLUSH_BYTES + 6 * PIECE_BYTES;

/** Loading was stopped by its AbortSignal; everything it had taken is given back. */
export class LoadStoppedError extends ReportedError {
  override readonly name = 'LoadStoppedError';
  override readonly kind = 'stopped';
  override readonly action = 'Nothing has changed.';

  constructor() {
    super('Loading the model was stopped.');
  }
}

export interface WeightStreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears the bytes read so far, after each piece. */
  readonly onRead?: (bytes: number) => void;
}

/** Carries a checkpoint to the GPU in pieces, so that at most LOAD_MEMORY_BYTES of it are in memory at any time. */
export class WeightStream {
  #pending = 0;
  #done = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly checkpoint: WeightFile,
    private readonly options: WeightStreamOptions,
  ) {}

  /**
   * Bytes [begin, end) of a tensor, in whole multiples of `unit` bytes (whole blocks of its format) of at most PIECE_BYTES, or one
   * unit, if that is more.
   * `growth`: bytes that go to the GPU for each one read.
   * @throws LoadStoppedError, and SafetensorsError when the file ends early or a number is not finite.
   */
  async *pieces(
    { name, dtype }: StoredTensor,
    begin: number,
    end: number,
    unit: number,
    growth: number,
  ): AsyncGenerator<Uint8Array> {
    const format = numberFormat(name, dtype);
    // Numbers packed more tightly than 16 bits make more of each byte.
    const most = PIECE_BYTES * Math.min(1, format.blockBytes / (2 * format.blockNumbers));
    const step = unit * Math.max(1, Math.floor(most / unit));
    for (let at = begin; at < end; at += step) {
      const until = Math.min(end, at + step);
      const weight = (until - at) * Math.max(1, growth);
      if (this.#pending > 0 && this.#pending + weight > FLUSH_BYTES) await this.flush();
      const bytes = await this.#unlessStopped(this.checkpoint.readBytes(name, at, until));
      const bad = format.firstNonFinite(bytes);
      if (bad >= 0)
        throw new SafetensorsError(
          `Tensor ${name} holds a number that is not finite (NaN or infinity) at place ${(at / format.blockBytes) * format.blockNumbers + bad}: ` +
            'with it every result would be lost. Download the checkpoint again, or take another.',
        );
      this.#pending += weight;
      this.#done += until - at;
      yield bytes;
      this.options.onRead?.(this.#done);
    }
  }

  /** Waits until the GPU has everything that was written. */
  async flush(): Promise<void> {
    await this.runtime.recorder.flush();
    this.#pending = 0;
    this.#throwIfStopped();
  }

  #throwIfStopped(): void {
    if (this.options.signal?.aborted) throw new LoadStoppedError();
  }

  /** A read may hang for as long as a connection does: stopping must not wait for it. */
  async #unlessStopped<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.options;
    this.#throwIfStopped();
    if (!signal) return work;
    let stop = (): void => undefined;
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => reject(new LoadStoppedError());
      signal.addEventListener('abort', stop);
    });
    try {
      return await Promise.race([work, stopped]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/**
 * Fills a stretch of a buffer front to back with pieces of any length. The GPU copies whole words, so up to three bytes wait for
 * the next piece; the last word is filled up with zeros, for which a tensor's buffer has room.
 */
export class SliceWriter {
  #written = 0;
  #rest = new Uint8Array(0);

  constructor(
    private readonly runtime: Runtime,
    private readonly slice: BufferSlice,
  ) {}

  write(data: ArrayBufferView): void {
    let bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (this.#rest.length > 0) {
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      bytes = joined;
    }
    const whole = bytes.length - (bytes.length % 4);
    this.#upload(bytes.subarray(0, whole));
    this.#rest = bytes.slice(whole);
  }

  /** @throws Error unless the pieces filled the stretch. */
  finish(): void {
    this.#upload(this.#rest);
    if (this.#written !== this.slice.size && Math.ceil(this.#written / 4) * 4 !== this.slice.size)
      throw new Error(`${this.#written} bytes were written to a tensor of ${this.slice.size}: this is a bug.`);
  }

  #upload(bytes: Uint8Array): void {
    const { buffer, offset, size } = this.slice;
    const at = this.#written;
    this.runtime.recorder.upload({ buffer, offset: offset + at, size: size - at }, bytes);
    this.#written += bytes.length;
  }
}
