import { ArrayBufferTarget, Muxer } from 'webm-muxer';
import type { FrameWriter, Shape } from './writer.ts';

/** Codecs of WebM for which browsers have encoders, best first: as WebCodecs and as the file call them. */
const CODECS = [
  { codec: 'vp09.00.31.08', name: 'V_VP9' },
  { codec: 'vp8', name: 'V_VP8' },
] as const;
/** Bits a second for each pixel of a frame: flat colours and thin letters that stay sharp. */
const BITS_PER_PIXEL = 4;
/** Every so many frames one stands for itself, so that a player can jump. */
const KEY_EVERY = 30;
/** Frames that may wait for the encoder. */
const MOST_WAITING = 4;

function configuration({ width, height }: Shape, codec: string): VideoEncoderConfig {
  return { codec, width, height, bitrate: BITS_PER_PIXEL * width * height };
}

/** The codec that this browser can write at this size; undefined where it has none, or no WebCodecs at all. */
export async function codecFor(shape: Shape): Promise<(typeof CODECS)[number] | undefined> {
  if (typeof VideoEncoder === 'undefined') return undefined;
  for (const one of CODECS) {
    const { supported } = await VideoEncoder.isConfigSupported(configuration(shape, one.codec));
    if (supported) return one;
  }
  return undefined;
}

/**
 * A WebM video, encoded by the browser.
 * @throws Error where it has no encoder for it.
 */
export async function webmWriter(shape: Shape): Promise<FrameWriter> {
  const found = await codecFor(shape);
  if (!found) throw new Error('This browser has no encoder for WebM.');
  const target = new ArrayBufferTarget();
  const muxer = new Muxer({ target, video: { codec: found.name, ...shape } });
  let failure: Error | undefined;
  const encoder = new VideoEncoder({
    output: (chunk, metadata) => muxer.addVideoChunk(chunk, metadata),
    error: (error) => (failure = error),
  });
  encoder.configure(configuration(shape, found.codec));
  let count = 0;
  /** In microseconds, as WebCodecs counts. */
  let timestamp = 0;
  let last: Parameters<FrameWriter['add']>[0] | undefined;

  function encode(pixels: Uint8ClampedArray<ArrayBuffer>, duration: number): void {
    if (failure) throw failure;
    const { width: codedWidth, height: codedHeight } = shape;
    const frame = new VideoFrame(pixels, { format: 'RGBA', codedWidth, codedHeight, timestamp, duration });
    encoder.encode(frame, { keyFrame: count++ % KEY_EVERY === 0 });
    frame.close();
    timestamp += duration;
  }

  return {
    async add(pixels, duration) {
      encode(pixels, Math.round(1000 * duration));
      last = pixels;
      while (encoder.encodeQueueSize > MOST_WAITING && !failure) {
        await new Promise((go) => encoder.addEventListener('dequeue', go, { once: true }));
      }
    },
    async finish() {
      // A video ends where its last frame begins: once more, so that the one before it is seen for as long as it should be.
      if (last) encode(last, 1);
      await encoder.flush();
      encoder.close();
      if (failure) throw failure;
      muxer.finalize();
      return new Uint8Array(target.buffer);
    },
  };
}
