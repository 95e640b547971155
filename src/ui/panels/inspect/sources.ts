import type { AttributionView } from '../../../lab/door/views.ts';

export type AttributionNumbers = Pick<
  AttributionView,
  'attention' | 'tokenLoss' | 'isolatedTokenLoss' | 'firstOrder' | 'leaveOneOut'
>;

/** What a chunk owes to one of its neighbours; gains in nats per predicted token of the chunk. */
export interface NeighbourGain {
  readonly neighbour: number;
  readonly attention: number;
  /** By how much its loss rises without the neighbour; undefined where that was not tried. */
  readonly leaveOneOut: number | undefined;
  readonly firstOrder: number;
}

/** The neighbour that a token owes most to. */
export interface TokenSource {
  readonly neighbour: number;
  /** Nats by which the token's loss rises without it. */
  readonly gain: number;
}

/** Nats below which no neighbour is named as a token's source. */
const LEAST_GAIN = 0.1;

/** All neighbours of a chunk, those it owes most to first. */
export function neighbourGains(attribution: AttributionNumbers, chunk: number): NeighbourGain[] {
  const { attention, firstOrder, leaveOneOut } = attribution;
  const size = Math.sqrt(attention.length);
  const gains = leaveOneOut?.[chunk];
  const count = gains ? gains.length / size : 0;
  return Array.from({ length: size }, (_, neighbour) => {
    const own = gains?.subarray(neighbour * count, (neighbour + 1) * count);
    return {
      neighbour,
      attention: attention[chunk * size + neighbour] ?? 0,
      leaveOneOut: own && mean(own),
      firstOrder: firstOrder[chunk * size + neighbour] ?? 0,
    };
  })
    .filter(({ neighbour }) => neighbour !== chunk)
    .sort((a, b) => (b.leaveOneOut ?? b.firstOrder) - (a.leaveOneOut ?? a.firstOrder));
}

/** Gain of each token of a chunk from all its neighbours (alone − with context) or from one (leaving it out); the first token is not predicted. */
export function gainsFrom(
  { tokenLoss, isolatedTokenLoss, attention, leaveOneOut }: AttributionNumbers,
  chunk: number,
  neighbour?: number,
): (number | undefined)[] {
  const withContext = tokenLoss[chunk] ?? new Float32Array();
  const gains =
    neighbour === undefined
      ? (isolatedTokenLoss[chunk]?.map((loss, t) => loss - (withContext[t] ?? NaN)) ?? new Float32Array())
      : row(leaveOneOut?.[chunk], Math.sqrt(attention.length), neighbour);
  return [undefined, ...gains];
}

/** The neighbour that each token of a chunk owes most to, where leaving it out costs the token anything. */
export function tokenSources(
  { attention, leaveOneOut }: AttributionNumbers,
  chunk: number,
): (TokenSource | undefined)[] {
  const gains = leaveOneOut?.[chunk];
  if (!gains) return [];
  const size = Math.sqrt(attention.length);
  const count = gains.length / size;
  const sources = Array.from({ length: count }, (_, t) => {
    let best: TokenSource | undefined;
    for (let neighbour = 0; neighbour < size; neighbour++) {
      const gain = gains[neighbour * count + t] ?? 0;
      if (gain >= LEAST_GAIN && gain > (best?.gain ?? 0)) best = { neighbour, gain };
    }
    return best;
  });
  return [undefined, ...sources];
}

/**
 * Whether an attribution speaks of the losses in the picture of `shown`: that of a step was made right after that step's update, that
 * of the probe after as many updates as the picture. With other weights it does not, and its sources must not be set beside them.
 */
export function speaksOf({ step, updates }: Pick<AttributionView, 'step' | 'updates'>, shown: number): boolean {
  return step === 'probe' ? updates === shown : step === updates;
}

/** Mean gain of a chunk from its context, nats per predicted token. */
export function meanGain(attribution: AttributionNumbers, chunk: number): number {
  return mean(gainsFrom(attribution, chunk).slice(1).map(Number));
}

function row(gains: Float32Array | undefined, size: number, neighbour: number): Float32Array {
  const count = gains ? gains.length / size : 0;
  return gains?.subarray(neighbour * count, (neighbour + 1) * count) ?? new Float32Array();
}

function mean(values: ArrayLike<number>): number {
  return values.length === 0 ? 0 : Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}
