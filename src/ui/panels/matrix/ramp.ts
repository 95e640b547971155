import { mixOklab } from './oklab.ts';

/** Colours between which the eye sees no step on 0 … 1. */
const LEVELS = 128;

/** A single-hue, perceptually even scale of colours for values from 0 to 1; values outside are drawn as the nearest. */
export type Ramp = (value: number) => string;

/**
 * The scale of the theme in force, from the element's `background-color` (0) to its `color` (1): scripts and canvases cannot
 * read what a CSS variable with light-dark() resolves to.
 */
export function rampOf(element: Element): Ramp {
  const { backgroundColor, color } = getComputedStyle(element);
  const mix = mixOklab(backgroundColor, color);
  const table = Array.from({ length: LEVELS + 1 }, (_, level) => mix(level / LEVELS));
  return (value) => table[Math.round(LEVELS * Math.min(1, Math.max(0, value)))] ?? color;
}
