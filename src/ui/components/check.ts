import * as v from 'valibot';
import { plainName } from '../../base/quote.ts';

/** What was read is not what it should be: the message names the place and what stands there. */
export class CheckError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CheckError';
  }
}

/**
 * A value that anybody may have made, without what the schema does not know. `place`: what it is called. Messages of schemas
 * go on where the place ends: " is missing or no text."
 * @throws CheckError for the first thing that is wrong.
 */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  place: string,
): v.InferOutput<Schema> {
  const { success, output, issues } = v.safeParse(schema, value, { abortEarly: true });
  if (success) return output;
  const [{ path = [], message }] = issues;
  throw new CheckError(`${placeOf(path, place)}${message}`);
}

/** "snapshots[0].attention": `[0].attention` under `snapshots`. The names of fields are somebody else's too. */
function placeOf(path: readonly v.IssuePathItem[], root: string): string {
  return path.reduce((place, { type, key }) => {
    const name = plainName(String(key)).slice(0, LONGEST_FIELD);
    return type === 'array' ? `${place}[${name}]` : `${place}${place && '.'}${name}`;
  }, root);
}

/** Characters of a field's name that a message repeats. */
const LONGEST_FIELD = 80;

export type Fields = Readonly<Record<string, unknown>>;

/** An object with any fields. */
export const FIELDS = v.custom<Fields>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ' is missing or no object.',
);

/** An object with these fields; what else it has is left out. */
export function object<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.object(entries, ({ path }) => (path ? ' is missing.' : ' is missing or no object.'));
}

/** An object with these fields and no others. */
export function strictObject<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.strictObject(entries, ({ path, expected }) => {
    if (!path) return ' is missing or no object.';
    return expected === 'never' ? ' is a field that nothing reads.' : ' is missing.';
  });
}

/** A list of `least` to `most` entries; how many there are is looked at before they are. */
export function list<const Item extends v.GenericSchema>(item: Item, least: number, most = Infinity) {
  return v.pipe(entries(least, most), v.array(item));
}

/** A list of `least` to `most` entries of any kind. */
export function entries(least: number, most: number) {
  return v.pipe(
    v.custom<unknown[]>((value) => Array.isArray(value), ' is missing or no list.'),
    v.check(
      ({ length }) => length >= least && length <= most,
      ({ input: { length } }) => ` has ${length} entries; ${fits(least, most)}.`,
    ),
  );
}

function fits(least: number, most: number): string {
  if (most === Infinity) return `${least} or more fit`;
  return least === most ? `${least} fit` : `${least} to ${most} fit`;
}

export function text(longest: number) {
  return v.pipe(v.string(' is missing or no text.'), v.maxLength(longest, ` is longer than ${longest} characters.`));
}

/** A kind of numbers, from `low` to `high`. */
export interface Numbers {
  readonly fits: (value: unknown, low: number, high: number) => boolean;
  readonly whyNot: (value: unknown, low: number, high: number) => string;
}

/** Finite numbers in their range. */
export const FINITE: Numbers = {
  fits: (value, low, high) => typeof value === 'number' && value >= low && value <= high && Number.isFinite(value),
  whyNot: (value, low, high) =>
    typeof value === 'number' && Number.isFinite(value)
      ? ` is ${value}, outside ${low} to ${high}.`
      : ' is not a finite number.',
};

/** Any numbers, those that are not finite as well: a run may have diverged. */
export const ANY_NUMBERS: Numbers = {
  fits: (value) => typeof value === 'number',
  whyNot: () => ' is no number.',
};

export function number(low = -Infinity, high = Infinity, { fits, whyNot }: Numbers = FINITE) {
  return v.custom<number>(
    (value) => fits(value, low, high),
    ({ input }) => whyNot(input, low, high),
  );
}

export function wholeNumber(low: number, high: number) {
  return v.pipe(number(low, high), v.integer(' is not a whole number.'));
}

/** A list of `least` to `most` numbers. A run has millions of them: they are looked at in one go. */
export function numbers(least: number, most: number, low: number, high: number, { fits, whyNot }: Numbers = FINITE) {
  const wrong = (values: readonly unknown[]): number => values.findIndex((value) => !fits(value, low, high));
  return v.pipe(
    entries(least, most),
    v.check(
      (values) => wrong(values) < 0,
      ({ input }) => `[${wrong(input)}]${whyNot(input[wrong(input)], low, high)}`,
    ),
    v.transform((values) => values as number[]),
  );
}

/** What may be missing, or null as JSON has it: undefined then. */
export function optional<const Schema extends v.GenericSchema>(schema: Schema) {
  return v.pipe(
    v.nullish(schema),
    v.transform((value) => value ?? undefined),
  );
}
