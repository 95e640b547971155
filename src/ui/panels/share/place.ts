import type { Cell } from '../../state/view.svelte.ts';
import { quoted } from './claims.ts';

/** Recorded runs that come with the page: files of public/recorded, by the names that links call them. */
export const RECORDED_RUNS = [
  'facts',
  'checkpoint-gentle',
  'checkpoint-oracle',
  'checkpoint-paper',
  'checkpoint-random',
] as const;

/** What a link opens the page at, beside its settings or its lesson. What it leaves out stays as the page has it. */
export interface SharedPlace {
  /** A recorded run, by its name. */
  readonly run?: string | undefined;
  readonly step?: number | undefined;
  /** Places on the axes, from 0; links and readers count from 1. */
  readonly cell?: Cell | undefined;
  /** Letter of the matrix. */
  readonly matrix?: string | undefined;
  /** The batch that stays the same through the run, or that of the step. */
  readonly batch?: 'fixed' | 'step' | undefined;
  /** Id of the panel that is open. */
  readonly panel?: string | undefined;
}

/** Reads one field; undefined where its value means nothing. */
type Read<T> = (value: string) => T | undefined;

const FIELDS: { readonly [K in keyof Required<SharedPlace>]: Read<NonNullable<SharedPlace[K]>> } = {
  run: word,
  step: (value) => (/^\d{1,7}$/.test(value) ? Number(value) : undefined),
  cell(value) {
    const [, row, column] = /^([1-9]\d?)\.([1-9]\d?)$/.exec(value) ?? [];
    return row === undefined ? undefined : { row: Number(row) - 1, column: Number(column) - 1 };
  },
  matrix: (value) => (/^[A-Z]$/.test(value) ? value : undefined),
  batch: (value) => (value === 'fixed' || value === 'step' ? value : undefined),
  panel: word,
};

function word(value: string): string | undefined {
  return /^[\w-]{1,40}$/.test(value) ? value : undefined;
}

export const PLACE_FIELDS = Object.keys(FIELDS) as (keyof SharedPlace)[];

export interface SplitFragment {
  /** What is left of it: a code of settings, a place in the lessons, or nothing. */
  readonly rest: string;
  /** Undefined where it names none. */
  readonly place: SharedPlace | undefined;
  /** What of the place was not understood, in words. */
  readonly problems: readonly string[];
}

/** Takes the fields of a place out of an address's fragment: `run=facts&step=320&cell=2.5&matrix=S&batch=step&panel=search`. */
export function splitFragment(fragment: string): SplitFragment {
  const place: Record<string, unknown> = {};
  const problems: string[] = [];
  const rest = fragment.split('&').filter((part) => {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(0, at));
    if (!isField(name)) return true;
    const value = FIELDS[name](part.slice(at + 1));
    if (value === undefined) problems.push(`It does not say which ${name} is meant by ${quoted(part.slice(at + 1))}.`);
    else if (name in place) problems.push(`It names the ${name} twice.`);
    else place[name] = value;
    return false;
  });
  const isPlace = Object.keys(place).length > 0;
  return { rest: rest.join('&'), place: isPlace ? place : undefined, problems };
}

function isField(name: string): name is keyof SharedPlace {
  return Object.hasOwn(FIELDS, name);
}

/** The fields of a place as a fragment has them; empty where it names nothing. */
export function placeCode(place: SharedPlace): string {
  const { cell } = place;
  const written = { ...place, cell: cell && `${cell.row + 1}.${cell.column + 1}` };
  return PLACE_FIELDS.flatMap((name) => (written[name] === undefined ? [] : [`${name}=${written[name]}`])).join('&');
}
