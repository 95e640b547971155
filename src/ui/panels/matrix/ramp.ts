import { mixOklab } from './oklab.ts';

/** Colours between which the eye sees no step on 0 … 1. */
const LEVELS = 128;

/** Colours for values from 0 to 1, or from −1 to 1 where they have a sign; values outside are drawn as the nearest. */
export type Ramp = (value: number) => string;

/**
 * The single-hue, perceptually even scale of the theme in force, from the element's `background-color` (0) to its `color` (1): scripts and canvases cannot
 * read what a CSS variable with light-dark() resolves to.
 */
export function rampOf(element: Element): Ramp {
  const { backgroundColor, color } = getComputedStyle(element);
  const mix = mixOklab(backgroundColor, color);
  const table = Array.from({ length: LEVELS + 1 }, (_, level) => mix(level / LEVELS));
  return (value) => table[Math.round(LEVELS * Math.min(1, Math.max(0, value)))] ?? color;
}

/** The same with a sign: from the element's `stroke` (−1) over its `background-color` (0) to its `color` (1). */
export function signedRampOf(element: Element): Ramp {
  const above = rampOf(element);
  const { backgroundColor, stroke } = getComputedStyle(element);
  const below = mixOklab(backgroundColor, stroke);
  const table = Array.from({ length: LEVELS + 1 }, (_, level) => below(level / LEVELS));
  return (value) => (value >= 0 ? above(value) : (table[Math.round(LEVELS * Math.min(1, -value))] ?? stroke));
}
