import { applyPalette, GIFEncoder, quantize } from 'gifenc';
import type { FrameWriter, Pixels, Shape } from './writer.ts';

/** GIF has 256 colours; one of them says that a pixel is as it was in the frame before. */
const COLOURS = 255;
/** The frame before stays, and what changes is drawn over it. */
const KEEP = 1;

/**
 * An animated GIF that begins again at its end. All frames have one palette, made from `samples`, so that what stands still keeps its
 * colours; after the first frame only pixels that change are written.
 */
export function gifWriter({ width, height }: Shape, samples: readonly Pixels[]): FrameWriter {
  const palette = quantize(joined(samples), COLOURS);
  const unchanged = palette.length;
  const gif = GIFEncoder();
  let before: Uint8Array | undefined;
  return {
    add(pixels, delay) {
      const index = applyPalette(pixels, palette);
      if (before) {
        const earlier = before;
        const changes = index.map((colour, at) => (colour === earlier[at] ? unchanged : colour));
        gif.writeFrame(changes, width, height, {
          delay,
          transparent: true,
          transparentIndex: unchanged,
          dispose: KEEP,
        });
      } else {
        gif.writeFrame(index, width, height, { palette: [...palette, [0, 0, 0]], delay, dispose: KEEP });
      }
      before = index;
      return Promise.resolve();
    },
    finish() {
      gif.finish();
      return Promise.resolve(gif.bytes());
    },
  };
}

function joined(samples: readonly Pixels[]): Pixels {
  const all = new Uint8ClampedArray(samples.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const pixels of samples) {
    all.set(pixels, at);
    at += pixels.length;
  }
  return all;
}
