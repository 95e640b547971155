import { CorpusError } from '../../errors.ts';
import type { RowTable } from './rows.ts';

/** The column of rows that are texts by themselves. */
const ITSELF = 'text';
/** Objects within objects are looked into so far: `data.text`. */
const MOST_DEPTH = 3;
/** What is called so in an object of a list (a message, say) is its text. */
const SPOKEN = ['content', 'text', 'value'];

/** Gathers rows whose columns become known as they come. */
class TableBuilder {
  private readonly places = new Map<string, number>();
  private readonly rows: string[][] = [];

  add(value: unknown): void {
    const row: string[] = [];
    this.fill(row, '', value, 0);
    this.rows.push(row);
  }

  done(notes: readonly string[]): RowTable {
    const columns = [...this.places.keys()];
    return { columns, rows: this.rows, notes };
  }

  private fill(row: string[], name: string, value: unknown, depth: number): void {
    if (value === null || value === undefined) return;
    if (typeof value === 'object' && !Array.isArray(value)) {
      if (depth >= MOST_DEPTH) return;
      for (const [key, inner] of Object.entries(value))
        this.fill(row, name === '' ? key : `${name}.${key}`, inner, depth + 1);
      return;
    }
    const text = Array.isArray(value)
      ? value.map(spoken).filter(Boolean).join('\n\n')
      : `${value as string | number | boolean}`;
    const column = name === '' ? ITSELF : name;
    let place = this.places.get(column);
    if (place === undefined) this.places.set(column, (place = this.places.size));
    while (row.length < place) row.push('');
    row[place] = text;
  }
}

/** What an item of a list says: itself, or the text of a message. */
function spoken(item: unknown): string {
  if (typeof item === 'string') return item;
  if (typeof item !== 'object' || item === null) return '';
  const fields = item as Record<string, unknown>;
  const key = SPOKEN.find((one) => typeof fields[one] === 'string');
  return key === undefined ? '' : (fields[key] as string);
}

/**
 * A JSON value a line: texts, or objects whose members are columns.
 * @throws CorpusError `unreadable-rows` where no line is JSON.
 */
export function readJsonLines(name: string, text: string): RowTable {
  const builder = new TableBuilder();
  let good = 0;
  let bad = 0;
  let firstBad = 0;
  let line = 0;
  for (let at = 0; at < text.length;) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    const content = text.slice(at, end).trim();
    at = end + 1;
    line++;
    if (content === '') continue;
    try {
      builder.add(JSON.parse(content));
      good++;
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      bad++;
      firstBad ||= line;
    }
  }
  if (good === 0)
    throw new CorpusError(
      'unreadable-rows',
      `${name} has no line of JSON${bad > 0 ? `: ${bad} lines are something else` : ''}. Save it as one object or text a line, or as .txt.`,
    );
  const notes =
    bad === 0
      ? []
      : [`${bad} of ${good + bad} lines of ${name} are no JSON and are left out (the first is line ${firstBad}).`];
  return builder.done(notes);
}

/**
 * A JSON list of texts or objects; one that is the only list among the members of an object will do.
 * @throws CorpusError `unreadable-rows` for what is no JSON, or has no list.
 */
export function readJsonList(name: string, text: string): RowTable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    // What is one object a line is often called .json as well.
    const firstLine = text.slice(0, text.indexOf('\n') + 1);
    if (isJson(firstLine)) return readJsonLines(name, text);
    throw new CorpusError(
      'unreadable-rows',
      `${name} is no JSON (${cause.message}). Mend it, or save its text as .txt.`,
    );
  }
  const list = Array.isArray(value) ? value : listWithin(value);
  if (!list)
    throw new CorpusError(
      'unreadable-rows',
      `${name} is JSON, but no list of texts or objects. Save it as such a list, as .jsonl with one object a line, or as .txt.`,
    );
  const builder = new TableBuilder();
  for (const item of list) builder.add(item);
  return builder.done([]);
}

function listWithin(value: unknown): unknown[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const lists = Object.values(value).filter((member): member is unknown[] => Array.isArray(member));
  return lists.length === 1 ? lists[0] : undefined;
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
