import type { Shape } from './writer.ts';

/** Most frames of an animation: a few seconds can be watched, and files stay small enough to be sent. */
export const MOST_FRAMES = 120;
/** Frames a second. */
export const RATE = 10;
/** How long the last frame stays before it all begins again, ms. */
const HOLD_MS = 1500;

/** Sizes that are offered: parts of a slide, of even width and height. */
export const SHAPES: readonly Shape[] = [
  { width: 960, height: 540 },
  { width: 1280, height: 720 },
];

/**
 * The steps from `from` to `to` that become frames, of those that have a picture: all, or where there are too many, so many of them at
 * even distances, with the first and the last.
 */
export function frameSteps(pictures: readonly number[], from: number, to: number, most = MOST_FRAMES): number[] {
  const within = pictures.filter((step) => step >= from && step <= to);
  if (within.length <= most) return within;
  const places = Array.from({ length: most }, (_, i) => Math.round((i * (within.length - 1)) / (most - 1)));
  return places.flatMap((place) => within[place] ?? []);
}

/** How long each of so many frames is seen, ms. */
export function durationOf(frame: number, count: number): number {
  return frame === count - 1 ? HOLD_MS : 1000 / RATE;
}

/** How long all of them take, in seconds. */
export function seconds(count: number): number {
  return count === 0 ? 0 : ((count - 1) * (1000 / RATE) + HOLD_MS) / 1000;
}
