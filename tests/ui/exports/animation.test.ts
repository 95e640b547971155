import { GifReader } from 'omggif';
import { describe, expect, it } from 'vitest';
import { durationOf, frameSteps, MOST_FRAMES, seconds } from '../../../src/ui/panels/exports/animation/frames.ts';
import { gifWriter } from '../../../src/ui/panels/exports/animation/gif.ts';

const SHAPE = { width: 12, height: 8 };

/** A frame of one colour with a stroke of another in the given column. */
function frame(column: number): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * SHAPE.width * SHAPE.height);
  for (let at = 0; at < pixels.length / 4; at++) {
    const colour = at % SHAPE.width === column ? [40, 32, 160, 255] : [248, 252, 248, 255];
    pixels.set(colour, 4 * at);
  }
  return pixels;
}

/** The pictures that a viewer shows one after the other. */
function shown(gif: GifReader): Uint8ClampedArray[] {
  const screen = new Uint8ClampedArray(4 * gif.width * gif.height);
  return Array.from({ length: gif.numFrames() }, (_, i) => {
    gif.decodeAndBlitFrameRGBA(i, screen);
    return screen.slice();
  });
}

describe('an animated GIF', () => {
  it('shows every frame as it was given, for as long as it should, over and over', async () => {
    const columns = [0, 3, 3, 11];
    const writer = gifWriter(SHAPE, [frame(0), frame(11)]);
    for (const [i, column] of columns.entries()) await writer.add(frame(column), durationOf(i, columns.length));
    const gif = new GifReader(Buffer.from(await writer.finish()));
    expect([gif.width, gif.height, gif.numFrames(), gif.loopCount()]).toEqual([12, 8, 4, 0]);
    shown(gif).forEach((pixels, i) => expect([...pixels]).toEqual([...frame(columns[i]!)]));
    expect(columns.map((_, i) => gif.frameInfo(i).delay)).toEqual([10, 10, 10, 150]);
  });

  it('costs next to nothing for what stands still', async () => {
    const large = { width: 400, height: 300 };
    const noise = (salt: number) =>
      Uint8ClampedArray.from({ length: 4 * 400 * 300 }, (_, i) =>
        i % 4 === 3 ? 255 : 8 * Math.floor(32 * Math.abs(Math.sin(i * 12.9898 + salt) % 1)),
      );
    const size = async (frames: Uint8ClampedArray<ArrayBuffer>[]) => {
      const writer = gifWriter(large, [frames[0]!]);
      for (const pixels of frames) await writer.add(pixels, 100);
      return (await writer.finish()).length;
    };
    const one = await size([noise(1)]);
    expect(await size([noise(1), noise(1)])).toBeLessThan(1.1 * one);
    expect(await size([noise(1), noise(2)])).toBeGreaterThan(1.5 * one);
  });
});

describe('the frames of a stretch', () => {
  const pictures = Array.from({ length: 300 }, (_, i) => 1 + 2 * i);

  it('are all its pictures where they are few', () => {
    expect(frameSteps(pictures, 10, 20)).toEqual([11, 13, 15, 17, 19]);
    expect(frameSteps(pictures, 700, 800)).toEqual([]);
    expect(frameSteps([5], 1, 9)).toEqual([5]);
  });

  it('are so many at even distances where there are too many, the first and the last among them', () => {
    const steps = frameSteps(pictures, 1, 599);
    expect(steps).toHaveLength(MOST_FRAMES);
    expect([steps[0], steps.at(-1)]).toEqual([1, 599]);
    const gaps = steps.slice(1).map((step, i) => step - steps[i]!);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(2);
    expect(Math.min(...gaps)).toBeGreaterThan(0);
  });

  it('take the time that is said', () => {
    const count = 7;
    const all = Array.from({ length: count }, (_, i) => durationOf(i, count));
    expect(seconds(count)).toBeCloseTo(all.reduce((a, b) => a + b) / 1000, 10);
    expect(seconds(0)).toBe(0);
  });
});
