/** What was read is not what it should be: the message names the place and what stands there. */
export class CheckError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CheckError';
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export function object(value: unknown, place: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CheckError(`${place} is missing or no object.`);
  return value as Fields;
}

/** An array of `least` to `most` entries. */
export function array(value: unknown, place: string, least: number, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new CheckError(`${place} is missing or no list.`);
  if (value.length < least || value.length > most)
    throw new CheckError(
      `${place} has ${value.length} entries; ${least === most ? least : `${least} to ${most}`} fit.`,
    );
  return value;
}

export function text(value: unknown, place: string, longest: number): string {
  if (typeof value !== 'string') throw new CheckError(`${place} is missing or no text.`);
  if (value.length > longest) throw new CheckError(`${place} is longer than ${longest} characters.`);
  return value;
}

/** Takes a value for a number from `low` to `high`, or throws a CheckError. */
export type Take = (value: unknown, place: string, low?: number, high?: number) => number;

/** A finite number from `low` to `high`. */
export function number(value: unknown, place: string, low = -1e30, high = 1e30): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new CheckError(`${place} is not a finite number.`);
  if (value < low || value > high) throw new CheckError(`${place} is ${value}, outside ${low} to ${high}.`);
  return value;
}

/** Any number, one that is not finite as well: a run may have diverged. */
export function anyNumber(value: unknown, place: string): number {
  if (typeof value !== 'number') throw new CheckError(`${place} is no number.`);
  return value;
}

/** A list of `least` to `most` numbers. */
export function numberList(
  value: unknown,
  place: string,
  least: number,
  most: number,
  take: Take,
  low: number,
  high: number,
): number[] {
  return array(value, place, least, most).map((one, i) => {
    // A run has millions of them: the words are made only for one that is wrong.
    if (typeof one === 'number' && one >= low && one <= high) return one;
    return take(one, `${place}[${i}]`, low, high);
  });
}

export function wholeNumber(value: unknown, place: string, low: number, high: number): number {
  if (!Number.isInteger(number(value, place, low, high))) throw new CheckError(`${place} is not a whole number.`);
  return value as number;
}

export function optional<T>(value: unknown, check: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : check(value);
}
