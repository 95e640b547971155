/** A box on the page, in pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** How far a link between texts side by side hangs below their lines, so that it strikes through as few words as it can. */
const SAG = 12;

/** An SVG path from one token to another: under the lines where the texts stand side by side, else straight down. */
export function linkPath(from: Box, to: Box): string {
  const [x1, x2] = [(from.left + from.right) / 2, (to.left + to.right) / 2];
  if (to.left > from.right) {
    const reach = (x2 - x1) / 4;
    return path(x1, from.bottom, x1 + reach, from.bottom + SAG, x2 - reach, to.bottom + SAG, x2, to.bottom);
  }
  const middle = (from.bottom + to.top) / 2;
  return path(x1, from.bottom, x1, middle, x2, middle, x2, to.top);
}

function path(x1: number, y1: number, ...curve: readonly number[]): string {
  return `M${x1} ${y1}C${curve.join(' ')}`;
}

/** A token in two: the white space before it, and the rest. White space alone stays whole. */
export function indented(token: string): readonly [string, string] {
  const rest = token.trimStart();
  return rest === '' ? ['', token] : [token.slice(0, token.length - rest.length), rest];
}
