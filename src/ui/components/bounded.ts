import { quoted } from '../../base/quote.ts';
import { CheckError } from './check.ts';

/** What a value that anybody may have made may hold at most, wherever in it. */
export interface Bounds {
  /** Fields of one object. */
  readonly fields: number;
  /** Entries of one list. */
  readonly entries: number;
  /** Characters of one text, or of a field's name. */
  readonly characters: number;
  /** Objects and lists within each other. */
  readonly depth: number;
}

/**
 * Looks through a value once, before anybody reads a field of it: checks that copy fields, or repeat what they found in a message, take
 * time with the size of what they find.
 * @throws CheckError for the first thing that is too large, with its place.
 */
export function checkBounds(value: unknown, bounds: Bounds): void {
  const path: (string | number)[] = [];
  const fail = (what: string): never => {
    throw new CheckError(`${placeOf(path)} ${what}`);
  };
  const look = (one: unknown): void => {
    if (typeof one === 'string') {
      if (one.length > bounds.characters) fail(`is longer than ${bounds.characters} characters.`);
      return;
    }
    if (typeof one !== 'object' || one === null) return;
    if (path.length >= bounds.depth) fail(`is inside more than ${bounds.depth} lists and objects.`);
    if (Array.isArray(one)) {
      if (one.length > bounds.entries) fail(`has more than ${bounds.entries} entries.`);
      for (let i = 0; i < one.length; i++) lookAt(one[i], i);
    } else {
      let fields = 0;
      for (const key in one) {
        if (++fields > bounds.fields) fail(`has more than ${bounds.fields} fields.`);
        if (key.length > bounds.characters)
          fail(`has a field with a name of ${key.length} characters: ${quoted(key, 40)}.`);
        lookAt((one as Readonly<Record<string, unknown>>)[key], key);
      }
    }
  };
  const lookAt = (one: unknown, key: string | number): void => {
    // Most of a run are numbers.
    if (typeof one === 'number') return;
    path.push(key);
    look(one);
    path.pop();
  };
  look(value);
}

/** "snapshots[0].attention". */
function placeOf(path: readonly (string | number)[]): string {
  const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  return place.replace(/^[.]/, '') || 'The file';
}
