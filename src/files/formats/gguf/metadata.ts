import { shown } from '../../../models/config.ts';
import { GgufError } from './ggufError.ts';

/** Far beyond every size in a model's metadata. */
const LARGEST = 2 ** 53 - 1;

/** The metadata of a GGUF file, value by value: each is what it should be, or undefined where the file has none of that key. */
export class GgufMetadata {
  constructor(
    private readonly file: string,
    private readonly values: ReadonlyMap<string, unknown>,
  ) {}

  has(key: string): boolean {
    return this.values.has(key);
  }

  /** @throws GgufError, as all of these, when the value is of another kind. */
  text(key: string): string | undefined {
    const value = this.values.get(key);
    return value === undefined || typeof value === 'string' ? value : this.#fail(key, 'a text', value);
  }

  flag(key: string): boolean | undefined {
    const value = this.values.get(key);
    return value === undefined || typeof value === 'boolean' ? value : this.#fail(key, 'true or false', value);
  }

  /** A whole number that is not negative. */
  count(key: string): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const number = asCount(value);
    return number ?? this.#fail(key, 'a whole number', value);
  }

  number(key: string): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#fail(key, 'a number', value);
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    return isListOf(value, (item): item is string => typeof item === 'string')
      ? value
      : this.#fail(key, 'a list of texts', value);
  }

  counts(key: string): readonly number[] | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const numbers = Array.isArray(value) ? value.map(asCount) : [undefined];
    return isListOf(numbers, (item): item is number => item !== undefined)
      ? numbers
      : this.#fail(key, 'a list of whole numbers', value);
  }

  /** A value that every model's file has. @throws GgufError when this one has not. */
  require<Kind extends 'text' | 'count' | 'number' | 'texts'>(
    key: string,
    kind: Kind,
  ): NonNullable<ReturnType<GgufMetadata[Kind]>> {
    const value = this[kind](key) as ReturnType<GgufMetadata[Kind]>;
    if (value === undefined) throw new GgufError(`${this.file} does not say ${key}: it is no complete model.`);
    return value;
  }

  #fail(key: string, what: string, value: unknown): never {
    throw new GgufError(
      `${this.file}: ${key} should be ${what}, not ${shown(typeof value === 'bigint' ? String(value) : value)}.`,
    );
  }
}

function asCount(value: unknown): number | undefined {
  if (typeof value === 'bigint') return value >= 0n && value <= BigInt(LARGEST) ? Number(value) : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function isListOf<T>(value: unknown, is: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}
