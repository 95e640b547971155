import { inBatchAttention } from '../src/ops/inBatchAttention.ts';
import { makePairs, pairStateBytes } from '../src/ops/core/pairs.ts';
import { makeRows } from '../src/ops/core/rows.ts';
import type { AttentionHeads } from '../src/ops/causalAttention.ts';
import { compare, phaseOf, type CompareOptions, type Variant } from './compare.ts';
import type { MeasuredRuntime } from './measuredRuntime.ts';
import { input, opVariant } from './opVariant.ts';
import { formatBytes, formatRatio, type Column, type Row } from './table.ts';

export const IN_BATCH_COLUMNS: readonly Column[] = [
  { key: 'length', title: 'L' },
  { key: 'attention', title: 'A' },
  { key: 'chunks', title: 'B' },
  { key: 'pairs', title: 'pairs read' },
  { key: 'forwardMs', title: 'forward ms' },
  { key: 'forwardRatio', title: 'to B 4', format: formatRatio },
  { key: 'backwardMs', title: 'backward ms' },
  { key: 'backwardRatio', title: 'to B 4', format: formatRatio },
  { key: 'stateBytes', title: 'state of pairs', format: formatBytes },
  { key: 'scratchBytes', title: 'scratch peak', format: formatBytes },
  { key: 'scratchRatio', title: 'to B 4', format: formatRatio },
  { key: 'scoreBytes', title: 'scores would take', format: formatBytes },
];

export const BATCHES = [4, 8, 16, 32] as const;

/** Sharp: every chunk reads one neighbour. Soft: every chunk reads all others. */
const KINDS = ['sharp', 'soft'] as const;

interface Case {
  readonly kind: (typeof KINDS)[number];
  /** B. */
  readonly chunks: number;
  readonly variant: Variant;
  /** What is not a time: known once the variant has been recorded. */
  readonly row: Row;
}

/**
 * Time and memory of one layer's in-batch attention as the batch grows, with A as sharp as it gets and as soft as it gets,
 * for chunks of `length` tokens. All batches are measured in turn, so that their ratios hold on a busy machine too.
 */
export async function benchInBatchAttention(
  runtime: MeasuredRuntime,
  heads: AttentionHeads,
  length: number,
  options: CompareOptions,
): Promise<Row[]> {
  runtime.beginScope();
  const cases: Case[] = [];
  for (const kind of KINDS)
    for (const chunks of BATCHES) cases.push(await makeCase(runtime, heads, length, kind, chunks));
  const measured = await compare(
    runtime,
    cases.map(({ variant }) => variant),
    options,
  );
  runtime.endScope();
  runtime.pool.trim();
  return cases.map(({ kind, variant, row }) => {
    const smallest = cases.find((other) => other.kind === kind);
    const ms = (phase: string, name = variant.name) => phaseOf(measured, name, phase).ms;
    const against = (phase: string) => ms(phase) / ms(phase, smallest?.variant.name);
    return {
      ...row,
      forwardMs: ms('forward'),
      forwardRatio: against('forward'),
      backwardMs: ms('backward'),
      backwardRatio: against('backward'),
      scratchRatio: Number(row['scratchBytes']) / Number(smallest?.row['scratchBytes']),
    };
  });
}

async function makeCase(
  runtime: MeasuredRuntime,
  { heads, kvHeads, headDim }: AttentionHeads,
  length: number,
  kind: Case['kind'],
  chunks: number,
): Promise<Case> {
  const tokens = chunks * length;
  const values = Float32Array.from({ length: chunks * chunks }, (_, at) => {
    const [i, j] = [Math.floor(at / chunks), at % chunks];
    if (kind === 'sharp') return Number(j === (i + 1) % chunks);
    return i === j ? 0 : 1 / (chunks - 1);
  });
  const [self, q] = [input(runtime, [tokens, heads * headDim]), input(runtime, [tokens, heads * headDim])];
  const [k, v] = [input(runtime, [tokens, kvHeads * headDim]), input(runtime, [tokens, kvHeads * headDim])];
  const attention = runtime.fromArray(values, [chunks, chunks]);
  attention.requiresGrad = true;
  const rows = makeRows(runtime, Array<number>(chunks).fill(length));
  const pairs = makePairs(runtime, rows, values);
  const inputs = { self, q, k, v, attention, pairs, rows, heads, kvHeads, headDim, vNorm: true, gate: 1 };
  const variant = opVariant(runtime, `${kind} ${chunks}`, () => inBatchAttention(runtime, inputs));
  return {
    kind,
    chunks,
    variant,
    row: {
      length,
      attention: kind,
      chunks,
      pairs: pairs.count,
      stateBytes: pairStateBytes(pairs, heads),
      scratchBytes: await scratchPeak(runtime, variant),
      scoreBytes: 4 * chunks * chunks * heads * length * length,
    },
  };
}

/** Most scratch bytes that the pool hands out at once while `variant` runs. */
async function scratchPeak(runtime: MeasuredRuntime, variant: Variant): Promise<number> {
  runtime.pool.resetPeak();
  const before = runtime.pool.report().live.scratch;
  // Recorded to the end, because that is where the memory is given back; the pool's books need no GPU.
  Array.from(variant.phases(1));
  await runtime.recorder.flush();
  return runtime.pool.report().peak.scratch - before;
}
