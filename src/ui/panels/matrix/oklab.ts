import { rgb } from 'd3';

/** Lightness and two opponent axes, all evenly spaced to the eye. */
type Oklab = readonly [number, number, number];

/**
 * A colour on the straight line from `from` (0) to `to` (1) in Oklab, as `color-mix(in oklab, …)` mixes it: evenly spaced
 * to the eye, and without the drift of blues into purple that Lab has.
 * Matrices: B. Ottosson, "A perceptual color space for image processing" (2020).
 */
export function mixOklab(from: string, to: string): (share: number) => string {
  const a = toOklab(from);
  const b = toOklab(to);
  const at = (axis: 0 | 1 | 2, share: number): number => a[axis] + share * (b[axis] - a[axis]);
  return (share) => fromOklab([at(0, share), at(1, share), at(2, share)]);
}

/** Oklab of a CSS colour. */
export function toOklab(colour: string): Oklab {
  const { r, g, b } = rgb(colour);
  const [red, green, blue] = [linear(r), linear(g), linear(b)];
  const l = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const m = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const s = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]: Oklab): string {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return rgb(
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ).toString();
}

/** sRGB channel, 0 to 255 → linear light, 0 to 1. */
function linear(channel: number): number {
  const value = channel / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function gamma(light: number): number {
  return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
}
