import type { FrameWriter, FromEncoder, Format, Pixels, Shape, ToEncoder } from './writer.ts';

/** A writer of frames in a worker of its own. */
export class EncoderClient implements FrameWriter {
  private readonly worker = new Worker(new URL('./encoder.worker.ts', import.meta.url), {
    type: 'module',
    name: 'encoder',
  });

  /** `samples`: frames that hold all colours there will be. @throws Error when this browser cannot write the format. */
  async open(format: Format, shape: Shape, samples: readonly Pixels[]): Promise<void> {
    const buffers = samples.map(({ buffer }) => buffer);
    await this.send({ type: 'open', format, shape, samples }, buffers);
  }

  async add(pixels: Pixels, duration: number): Promise<void> {
    await this.send({ type: 'frame', pixels, duration }, [pixels.buffer]);
  }

  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    const answer = await this.send({ type: 'finish' }, []);
    if (answer.type !== 'done') throw new Error('The encoder gave no file.');
    return answer.bytes;
  }

  /** Lets the worker go, whatever it is at. */
  close(): void {
    this.worker.terminate();
  }

  private send(message: ToEncoder, transfer: Transferable[]): Promise<FromEncoder> {
    return new Promise((done, fail) => {
      this.worker.onmessage = ({ data }: MessageEvent<FromEncoder>) =>
        data.type === 'failed' ? fail(new Error(data.message)) : done(data);
      this.worker.onerror = ({ message: why }) => fail(new Error(why || 'The encoder could not be loaded.'));
      this.worker.postMessage(message, transfer);
    });
  }
}
