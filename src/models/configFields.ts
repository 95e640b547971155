import { quoted } from '../base/quote.ts';
import { BadInputError } from '../base/errors.ts';

/** A config.json that we cannot run, with the reason. */
export class ModelConfigError extends BadInputError {
  override readonly name = 'ModelConfigError';
}

/** What a JSON object holds, whatever it is. */
export type Fields = Readonly<Record<string, unknown>>;

/** Hears what is worth saying of a file that is read all the same. */
export type Note = (message: string) => void;

/** Whether a value out of a JSON file is an object that holds fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Far beyond every model there is: a configuration that claims more must not make anybody loop or allocate for it. */
const LARGEST_SIZE = 2 ** 24;

/** A value out of a file, for a message: short, and never an error of its own (a file may nest lists without end). */
export function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return quoted(value, 100);
}

/** A whole number from 1 on; `fallback` where it is left out or null. @throws ModelConfigError */
export function sizeIn(fields: Fields, name: string, fallback?: number, largest = LARGEST_SIZE): number {
  const value = fields[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
    throw new ModelConfigError(`config.json: ${name} should be a positive whole number, not ${shown(value)}.`);
  if (value > largest)
    throw new ModelConfigError(`config.json: ${name} is ${value}, which is impossibly large (at most ${largest}).`);
  return value;
}

/** A finite number above 0; `fallback` where it is left out or null. @throws ModelConfigError */
export function positiveIn(fields: Fields, name: string, fallback?: number): number {
  const value = fields[name] ?? fallback;
  if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value))
    throw new ModelConfigError(`config.json: ${name} should be a positive number, not ${shown(value)}.`);
  return value;
}
