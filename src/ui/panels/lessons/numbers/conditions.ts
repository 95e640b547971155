import type { QuantityName } from './quantities.ts';

export type Comparison = '<' | '>' | '=' | 'absent';

/** What only the engine can be asked: no record has it. Largest lengths of what a token reads from its neighbours, per head. */
export const ENGINE_QUANTITIES = ['largestReading', 'firstLayerReading'] as const;
export type EngineQuantity = (typeof ENGINE_QUANTITIES)[number];

/** A statement on what came of an action: it holds where it does for each of its runs. */
export interface Condition<Name extends string = QuantityName> {
  /** Place of the action in its step. */
  readonly action: number;
  readonly of: Name;
  readonly is: Comparison;
  readonly value?: number;
  /** Compared with another number instead, times `factor`: of another action, run by run where both have as many. */
  readonly against?: { readonly action?: number; readonly of?: Name; readonly factor?: number };
  /** For `=`: absolute up to 1, relative beyond. 0 when left out. */
  readonly tolerance?: number;
}

/** A condition that only the engine can be asked about. */
export type EngineClaim = Condition<EngineQuantity>;

/** A statement on a recorded run that no action shows. */
export interface RecordedClaim {
  readonly recorded: string;
  readonly step: number;
  readonly of: QuantityName;
  readonly is: Comparison;
  readonly value?: number;
  readonly against?: { readonly step?: number; readonly of?: QuantityName; readonly factor?: number };
  readonly tolerance?: number;
}

/** A statement that holds for any run, which a test of its own shows. */
export interface TestedClaim {
  /** Path of the test's file. */
  readonly tested: string;
  /** What the test is called, or how that begins. */
  readonly named: string;
}

/** A statement that numbers of a run bear. */
export type NumberClaim = Condition | EngineClaim | RecordedClaim;

export type Claim = NumberClaim | TestedClaim;

/** Numbers of one run of an action. */
export type Values = Readonly<Partial<Record<string, number>>>;

/** What came of the actions of a step, by their places: the numbers of each run. */
export type Results = readonly (readonly Values[] | undefined)[];

/** Whether a condition holds on what is there; undefined where an action that it is about has not been run. */
export function fulfils(condition: Condition<string>, results: Results): boolean | undefined {
  const { action, of, is, value = NaN, against, tolerance } = condition;
  const runs = results[action];
  const others = against ? results[against.action ?? action] : runs;
  if (!runs?.length || !others?.length) return undefined;
  if (!against) return runs.every((run) => holds(run[of] ?? NaN, is, value, tolerance));
  const pairs =
    runs.length === others.length ? runs.map((run, i) => [run, others[i] ?? {}] as const) : product(runs, others);
  return pairs.every(([run, other]) =>
    holds(run[of] ?? NaN, is, (against.factor ?? 1) * (other[against.of ?? of] ?? NaN), tolerance),
  );
}

/** Whether several hold; undefined where that is not known. */
export function fulfilsAll(conditions: readonly Condition<string>[], results: Results): boolean | undefined {
  const found = conditions.map((condition) => fulfils(condition, results));
  if (found.includes(false)) return false;
  return found.includes(undefined) ? undefined : true;
}

/** Each run of one action with each of another. */
function product(runs: readonly Values[], others: readonly Values[]): (readonly [Values, Values])[] {
  return runs.flatMap((run) => others.map((other) => [run, other] as const));
}

/** Whether a comparison holds. NaN is what there is none of. */
export function holds(found: number, is: Comparison, wanted: number, tolerance = 0): boolean {
  switch (is) {
    case 'absent':
      return Number.isNaN(found);
    case '<':
      return found < wanted;
    case '>':
      return found > wanted;
    case '=':
      return Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    default:
      return is satisfies never;
  }
}
