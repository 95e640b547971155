import type { ByteSource } from '../../src/files/formats/byteSource.ts';
import { randomInt } from '../harness/numerics.ts';

export type Random = () => number;

export function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[randomInt(random, 0, list.length - 1)];
  if (found === undefined) throw new Error('There is nothing to pick from.');
  return found;
}

/** Deeper than any recursion over it could go. Stands for itself until the text is written: JSON.stringify cannot go there. */
const DEEP = '(deep)';
const DEEP_TEXT = `${'[{"a":'.repeat(10_000)}1${'}]'.repeat(10_000)}`;
/** Longer than any argument list. */
const LONG = new Array<number>(200_000).fill(1);

/** Values that a careless reader multiplies, allocates, loops over, or calls. */
const HOSTILE: readonly unknown[] = [
  null, true, false, 0, -0, -1, 0.5, 1, 2, 3, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e308, -1e308, 5e-324, '', 'x', '0', '__proto__',
  'constructor', 'toString', '../x', '/x', 'NaN', '\u0000', '\ud800', 'F64', 'BOOL', [], {}, [[]], [null], [-1], [2 ** 53, 2 ** 53],
  { toString: 1, valueOf: 2 }, { length: 2 ** 32 }, { content: {} }, { type: 'Sequence' }, { type: 'Replace', pattern: {} },
]; // prettier-ignore

function hostileValue(random: Random): unknown {
  const kind = random();
  if (kind < 0.002) return DEEP;
  if (kind < 0.003) return LONG;
  if (kind < 0.2) return randomInt(random, -3, 70);
  return pick(random, HOSTILE);
}

/** A copy of a JSON value with one place in it replaced, removed, doubled under another name, or moved. */
export function mutatedJson(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.03) return hostileValue(random);
  const keys = Object.keys(value);
  if (keys.length === 0) return hostileValue(random);
  const key = pick(random, keys);
  const child = (value as Record<string, unknown>)[key];
  // Mostly go down to a leaf: there are more of them.
  const changed = random() < 0.75 ? mutatedJson(random, child) : hostileValue(random);
  const kind = random();
  if (Array.isArray(value)) {
    const list: unknown[] = [...(value as unknown[])];
    if (kind < 0.8) list[Number(key)] = changed;
    else if (kind < 0.9) list.splice(Number(key), 1);
    else list.push(changed);
    return list;
  }
  const entries = Object.entries(value).filter(([name]) => kind < 0.85 || name !== key);
  if (kind < 0.8) return Object.fromEntries(entries.map(([name, own]) => [name, name === key ? changed : own]));
  if (kind < 0.85) entries.push([pick(random, ['__proto__', 'constructor', '', `${key} `, 'type']), changed]);
  return Object.fromEntries(entries);
}

const NUMBERS = [0n, 1n, 7n, 8n, 0x7fffffffn, 0xffffffffn, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const FRAGMENTS = [
  '9007199254740993', '1e400', '-0', '-1', '0.5', 'null', 'true', '[]', '{}', '"', '\\', '\\u0000', ',', ':', '[', ']', '{', '}',
  '"__proto__":', '"__metadata__":{"a":1},', '"F64"', '[[[[', '0', '24', '\ufeff', '\n', 'PK\u0003\u0004', 'PK\u0005\u0006',
].map((text) => new TextEncoder().encode(text)); // prettier-ignore

/** A copy with a few bits turned, bytes put in, taken out or repeated, whole numbers overwritten, or the end cut off. */
export function mutatedBytes(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let result = bytes.slice();
  for (let left = 1 + Math.floor(4 * random() ** 3); left > 0; left--) {
    // Headers are at the ends: half of the places are there.
    const at =
      random() < 0.5 ? randomInt(random, 0, result.length) : Math.min(result.length, randomInt(random, 0, 120));
    const kind = random();
    if (kind < 0.3 && at < result.length) result[at] = (result[at] ?? 0) ^ (1 << randomInt(random, 0, 7));
    else if (kind < 0.4) result = result.slice(0, at);
    else if (kind < 0.5) {
      const width = pick(random, [2, 4, 8]);
      const number = pick(random, NUMBERS);
      const start = random() < 0.5 ? at : Math.max(0, result.length - randomInt(random, 0, 70));
      for (let i = 0; i < width && start + i < result.length; i++)
        result[start + i] = Number((number >> BigInt(8 * i)) & 255n);
    } else {
      const insert = kind < 0.75 ? pick(random, FRAGMENTS) : result.subarray(at, at + randomInt(random, 0, 60));
      const rest = result.subarray(Math.min(result.length, at + (kind < 0.9 ? randomInt(random, 0, 40) : 0)));
      const spliced = new Uint8Array(at + insert.length + rest.length);
      spliced.set(result.subarray(0, at));
      spliced.set(insert, at);
      spliced.set(rest, at + insert.length);
      result = spliced;
    }
  }
  return result;
}

/** JSON text of a mutated value, now and then damaged as text too (doubled keys, broken brackets). */
export function mutatedText(random: Random, value: unknown): Uint8Array<ArrayBuffer> {
  let changed = value;
  for (let left = 1 + Math.floor(3 * random() ** 3); left > 0; left--) changed = mutatedJson(random, changed);
  const text = (JSON.stringify(changed) ?? 'null').replaceAll(`"${DEEP}"`, DEEP_TEXT);
  const bytes = new TextEncoder().encode(text);
  return random() < 0.25 ? mutatedBytes(random, bytes) : bytes;
}

/** A file in memory that counts what is read of it, and where it would not exist. */
export class CountingSource implements ByteSource {
  reads = 0;
  bytesRead = 0;

  constructor(
    readonly name: string,
    readonly bytes: Uint8Array,
  ) {}

  get size(): number {
    return this.bytes.length;
  }

  read(begin: number, end: number): Promise<Uint8Array> {
    if (!(begin >= 0 && begin <= end && end <= this.size))
      throw new Error(`Bytes ${begin} to ${end} of ${this.size} were asked for.`);
    this.reads++;
    this.bytesRead += end - begin;
    return Promise.resolve(this.bytes.subarray(begin, end));
  }
}
