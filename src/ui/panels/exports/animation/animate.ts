import { paint } from '../rasterise.ts';
import { SLIDE } from '../slide.ts';
import { EncoderClient } from './encoderClient.ts';
import { durationOf } from './frames.ts';
import type { Format, Pixels, Shape } from './writer.ts';

export interface Animation {
  readonly format: Format;
  readonly shape: Shape;
  /** One a frame. */
  readonly steps: readonly number[];
  /** The slide of a step, as SVG. */
  readonly draw: (step: number) => string;
}

/**
 * Draws a slide for every step and makes one file of them. The page stays free: pictures are decoded and encoded beside it.
 * @throws DOMException AbortError when it was stopped, Error when this browser cannot draw or encode.
 */
export async function animate(
  { format, shape, steps, draw }: Animation,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (share: number) => void },
): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new EncoderClient();
  // The worker may be at a frame: it is let go at once.
  const stopped = new Promise<never>((_, fail) =>
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true }),
  );
  const made = (async () => {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error('This browser could not draw the pictures.');
    const render = async (step: number): Promise<Pixels> => {
      signal.throwIfAborted();
      await paint(draw(step), canvas, shape.width / SLIDE.width);
      return context.getImageData(0, 0, shape.width, shape.height).data;
    };
    const samples: Pixels[] = [];
    for (const step of new Set([steps[0], steps[steps.length >> 1], steps.at(-1)])) {
      if (format === 'gif' && step !== undefined) samples.push(await render(step));
    }
    await encoder.open(format, shape, samples);
    for (const [frame, step] of steps.entries()) {
      await encoder.add(await render(step), durationOf(frame, steps.length));
      onProgress((frame + 1) / steps.length);
    }
    return encoder.finish();
  })();
  try {
    return await Promise.race([made, stopped]);
  } finally {
    encoder.close();
  }
}
