import { causalAttention } from '../../ops/causalAttention.ts';
import { makePairs } from '../../ops/core/pairs.ts';
import { makeRows } from '../../ops/core/rows.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { Tape } from '../../ops/core/tape.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { inBatchAttention, V_NORM_EPSILON } from '../../ops/inBatchAttention.ts';
import { multiply } from '../tuning/products.ts';
import { knownNumbers, placesIn, type Known, type Sample } from './numbers.ts';
import { products, type Product } from './products.ts';
import type { MeasuredWork } from './report.ts';
import { tokensOf, type ModelShape } from './shapes.ts';

/** Something to be timed on a device, and what it should give. */
export interface Work extends Pick<MeasuredWork, 'kind' | 'model' | 'what' | 'shape'> {
  /** Uploads what it reads, in the scope that is open. */
  readonly make: (runtime: Runtime) => {
    readonly record: () => void;
    /** Its result, recorded anew; of what also goes backward, that of the way forward. */
    readonly result: () => Tensor;
    readonly samples: () => readonly Sample[];
  };
}

/** Places of a result that are compared with f64. */
const SAMPLES = 24;

/** Everything that is timed on the shapes of a model. */
export function worksOf(model: ModelShape): Work[] {
  return [...products(model).map((product) => productOf(model, product)), ...attentionsOf(model)];
}

function productOf({ name: model }: ModelShape, product: Product): Work {
  const { what, layout, m, n, k, dtype } = product;
  return {
    kind: 'product',
    model,
    what: `${what}, ${{ NT: 'forward', NN: 'gradient of the input', TN: 'gradient of the weight' }[layout]}`,
    shape: `${m} × ${n}, K ${k}, ${dtype}`,
    make(runtime) {
      const a = knownNumbers(runtime, [m * k], 'f32', 1);
      const b = knownNumbers(runtime, [n * k], dtype, 2);
      const out = runtime.tensor([m, n]);
      const record = (): void => multiply(runtime, product, { a: a.tensor, b: b.tensor, out });
      const term = (row: number, column: number, i: number): number =>
        (a.numbers[layout === 'TN' ? i * m + row : row * k + i] ?? NaN) *
        (b.numbers[layout === 'NT' ? column * k + i : i * n + column] ?? NaN);
      return {
        record,
        result: () => (record(), out),
        samples: () =>
          placesIn(m * n, SAMPLES).map((at) => ({
            at,
            expected: sum(k, (i) => term(Math.floor(at / n), at % n, i)),
          })),
      };
    },
  };
}

function attentionsOf(model: ModelShape): Work[] {
  const { lengths, heads, kvHeads, headDim } = model;
  const shape = `B ${lengths.length}, T ${tokensOf(model)}, H ${heads}, G ${kvHeads}, hd ${headDim}`;
  const both = (what: string, make: (runtime: Runtime) => Attended): Work[] =>
    [false, true].map((backward) => ({
      kind: 'attention',
      model: model.name,
      what: `${what}, ${backward ? 'forward and backward' : 'forward'}`,
      shape,
      make(runtime) {
        const { run, sampleAt } = make(runtime);
        return {
          record: backward ? () => thereAndBack(runtime, run) : () => runtime.scope(() => void run()),
          result: run,
          samples: () => placesIn(tokensOf(model) * heads * headDim, SAMPLES).map(sampleAt),
        };
      },
    }));
  return [
    ...both('causal attention', (runtime) => causal(runtime, model)),
    ...both('in-batch attention, each reads all', (runtime) => inBatch(runtime, model)),
  ];
}

interface Attended {
  readonly run: () => Tensor;
  readonly sampleAt: (at: number) => Sample;
}

/** The gradient that arrives is the result itself: the time does not depend on numbers. */
function thereAndBack(runtime: Runtime, run: () => Tensor): void {
  runtime.scope(() => {
    const tape = new Tape(runtime);
    const out = runtime.withTape(tape, run);
    tape.backward([{ tensor: out, gradient: out }]);
    tape.dispose();
  });
}

interface Heads {
  readonly q: Known;
  readonly k: Known;
  readonly v: Known;
  /** Weights of the keys from `first` on, so many, for one token and head: softmax(q·k / √headDim) in f64. */
  readonly weights: (token: number, head: number, first: number, count: number) => number[];
  /** Place of a number of K or V. */
  readonly place: (token: number, head: number, d: number) => number;
}

function headsOf(runtime: Runtime, model: ModelShape): Heads {
  const { heads, kvHeads, headDim } = model;
  const t = tokensOf(model);
  const [q, k, v] = [heads, kvHeads, kvHeads].map((count, i) => {
    const known = knownNumbers(runtime, [t, count * headDim], 'f32', 3 + i);
    known.tensor.requiresGrad = true;
    return known;
  }) as [Known, Known, Known];
  const place = (token: number, head: number, d: number): number =>
    (token * kvHeads + Math.floor((head * kvHeads) / heads)) * headDim + d;
  return {
    q,
    k,
    v,
    place,
    weights(token, head, first, count) {
      const scores = Array.from({ length: count }, (_, s) => {
        const key = place(first + s, head, 0);
        const query = (token * heads + head) * headDim;
        return sum(headDim, (d) => (q.numbers[query + d] ?? NaN) * (k.numbers[key + d] ?? NaN)) / Math.sqrt(headDim);
      });
      const largest = Math.max(...scores);
      const raised = scores.map((score) => Math.exp(score - largest));
      const total = sum(count, (s) => raised[s] ?? NaN);
      return raised.map((one) => one / total);
    },
  };
}

function causal(runtime: Runtime, model: ModelShape): Attended {
  const { q, k, v, weights, place } = headsOf(runtime, model);
  const rows = makeRows(runtime, model.lengths);
  return {
    run: () => causalAttention(runtime, q.tensor, k.tensor, v.tensor, rows, model),
    sampleAt(at) {
      const { token, head, d } = placeOf(at, model);
      const first = rows.starts.findLast((start) => start <= token) ?? 0;
      const read = weights(token, head, first, token - first + 1);
      return {
        at,
        expected: sum(read.length, (s) => (read[s] ?? NaN) * (v.numbers[place(first + s, head, d)] ?? NaN)),
      };
    },
  };
}

function inBatch(runtime: Runtime, model: ModelShape): Attended {
  const { lengths, heads, kvHeads, headDim } = model;
  const b = lengths.length;
  const { q, k, v, weights, place } = headsOf(runtime, model);
  const self = knownNumbers(runtime, [tokensOf(model), heads * headDim], 'f32', 6);
  const rows = makeRows(runtime, lengths);
  const values = Float32Array.from({ length: b * b }, (_, at) => (at % (b + 1) === 0 ? 0 : 1 / (b - 1)));
  const attention = runtime.fromArray(values, [b, b]);
  for (const tensor of [self.tensor, attention]) tensor.requiresGrad = true;
  const pairs = makePairs(runtime, rows, values);
  const inputs = { q: q.tensor, k: k.tensor, v: v.tensor, self: self.tensor, attention, pairs, rows };
  return {
    run: () => inBatchAttention(runtime, { ...inputs, heads, kvHeads, headDim, vNorm: true, gate: 1 }),
    sampleAt(at) {
      const { token, head, d } = placeOf(at, model);
      const own = rows.starts.findLastIndex((start) => start <= token);
      const value = (of: number, dimension: number): number => v.numbers[place(of, head, dimension)] ?? NaN;
      const read = sum(b, (j) => {
        const [first, length] = [rows.starts[j] ?? NaN, lengths[j] ?? NaN];
        if (j === own) return 0;
        const p = weights(token, head, first, length);
        const norm = (s: number): number => Math.sqrt(sum(headDim, (e) => value(first + s, e) ** 2));
        const above = sum(length, (s) => (p[s] ?? NaN) * value(first + s, d));
        const below = sum(length, (s) => (p[s] ?? NaN) * norm(s)) + V_NORM_EPSILON;
        return ((values[own * b + j] ?? NaN) * above) / below;
      });
      return { at, expected: (self.numbers[at] ?? NaN) + read };
    },
  };
}

function placeOf(at: number, { heads, headDim }: ModelShape): { token: number; head: number; d: number } {
  const row = Math.floor(at / headDim);
  return { token: Math.floor(row / heads), head: row % heads, d: at % headDim };
}

function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}
