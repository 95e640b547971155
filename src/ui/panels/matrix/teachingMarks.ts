/** How the cells of a drawing lie. */
export interface Cells {
  /** Of a side, in cells. */
  readonly size: number;
  /** From one cell to the next, and the room between them, in pixels. */
  readonly pitch: number;
  readonly gap: number;
}

/** Cells with the values that their marks are made of. */
interface Marked extends Cells {
  readonly values: readonly number[];
}

/** The largest arrow, as a share of a cell's side. */
const LARGEST = 0.5;
/** Below this share of the largest value no mark is drawn: it would say as much as those that matter. */
const LEAST = 0.03;

/**
 * Triangles for all cells whose values have the sign: pointing up where that is 1, down where −1, each with an area in proportion to
 * its value. `values`: from −1 to 1 by rows of the axes. One path, since a thousand cells may change ten times a second.
 */
export function arrows({ values, size, pitch, gap }: Marked, sign: 1 | -1): string {
  return values
    .map((value, at) => {
      if (value * sign < LEAST) return '';
      const side = LARGEST * (pitch - gap) * Math.sqrt(Math.min(1, Math.abs(value)));
      const height = side * sign;
      const x = (at % size) * pitch + (pitch - gap) / 2;
      const y = Math.floor(at / size) * pitch + (pitch - gap) / 2;
      return `M${round(x - side / 2)} ${round(y + height / 2)}h${round(side)}L${round(x)} ${round(y - height / 2)}Z`;
    })
    .join('');
}

/** The squares of all cells whose values are below zero, as one path: for a pattern that tells them apart without colour. */
export function squaresBelow({ values, size, pitch, gap }: Marked): string {
  const side = Math.max(0, pitch - gap);
  return values
    .map((value, at) => {
      if (value > -LEAST) return '';
      return `M${round((at % size) * pitch)} ${round(Math.floor(at / size) * pitch)}h${round(side)}v${round(side)}h${round(-side)}Z`;
    })
    .join('');
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
