import type { ObjectiveTable } from '../../objectives/tables.ts';

/** Digits of the numbers of a recorded run: plenty for curves and pictures, at a third of the bytes. */
const CURVES = 5;
const PICTURES = 4;
/** Gradients have no scale of their own, so their digits count from the first. */
const SIGNALS = 3;
/** Nothing smaller is seen in a matrix or in the loss of a token. */
const FINEST = 1e-5;

/** Rounds the numbers of a run for the page to replay, by the keys that they stand under. */
export function shortNumbers(table: ObjectiveTable): (value: unknown, key: string) => unknown {
  const signals: readonly string[] = Object.values(table.signals ?? {});
  const pictures: readonly string[] = [...table.matrices, ...table.tokenRows].map(({ key }) => key);
  return (value, key) => {
    if (typeof value !== 'number' || Number.isInteger(value)) return value;
    if (signals.includes(key)) return Number(value.toPrecision(SIGNALS));
    if (!pictures.includes(key)) return Number(value.toPrecision(CURVES));
    return Number((FINEST * Math.round(value / FINEST)).toPrecision(PICTURES));
  };
}
