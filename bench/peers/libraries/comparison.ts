import { batchIds, firstWeights, numbers, sizeOf, type ModelSize, type ProductSize } from '../work.ts';
import type { Contender, Job } from './contender.ts';
import { measureInTurn, type Measured, type MeasureOptions } from './measure.ts';

/** Numbers of a product that are computed again in f64. */
const CHECKED = 64;
/** Of what the largest sum of absolute products is: f32 in any order of K up to 5,000. */
const PRODUCT_TOLERANCE = 1e-5;
const CHAIN = { side: 16, length: 200 } as const;
/** Steps before the losses are compared: Adam's first ones amplify the last bits of gradients. */
const COMPARED_STEPS = 3;
const LOSS_TOLERANCE = 1e-3;

/** A peer that computes something wrong on this adapter, or nothing in these surroundings, is not timed there. */
export interface Wrong {
  readonly name: string;
  readonly wrong: string;
}

export type Versions = Readonly<Record<'jax' | 'tfjs' | 'onnx', string>>;

/** What is measured, where the libraries run. Results are checked before they are timed; of this engine a wrong one is an error. */
export interface Peers {
  /** Opens all libraries; their names and versions, this engine first. @throws what is wrong with one of them. */
  open(versions: Versions): Promise<string[]>;
  product(size: ProductSize, options: MeasureOptions): Promise<(Measured | Wrong)[]>;
  /** Per dispatch, of tiny products one after the other. */
  dispatch(options: MeasureOptions): Promise<(Measured | Wrong)[]>;
  /** Of a training step. */
  step(model: ModelSize, options: MeasureOptions): Promise<(Measured | Wrong)[]>;
}

/** The measurements of the libraries that `openAll` opens, this engine first. */
export function peersOf(openAll: (versions: Versions) => Promise<Contender[]>): Peers {
  let contenders: Contender[] = [];
  return {
    async open(versions) {
      contenders = await openAll(versions);
      return contenders.map(({ name, version }) => `${name} ${version}`.trim());
    },

    async product(size, options) {
      const { m, n, k } = size;
      const [x, w] = [numbers(1, m * k), numbers(2, n * k)];
      return await all(contenders, (one) => one.product(size, x, w), checkProduct(size, x, w), options);
    },

    async dispatch(options) {
      const { side, length } = CHAIN;
      // Of a length that keeps the numbers where they are: the result says whether every link was computed.
      const [x, w] = [numbers(3, side * side), rotation(side)];
      const measured = await all(contenders, (one) => one.chain(side, length, x, w), checkChain(x, w), options);
      return measured.map((one) => ('ms' in one ? { ...one, ms: one.ms / length } : one));
    },

    async step(model, options) {
      const [weights, ids] = [firstWeights(model), batchIds(model)];
      const trainers = contenders.filter((contender) => contender.training !== undefined);
      let own: number | undefined;
      const check = ([loss = NaN]: Float32Array): void => {
        own ??= loss;
        if (!(Math.abs(loss - own) <= LOSS_TOLERANCE * own))
          throw new Error(`It has a loss of ${loss} before step ${COMPARED_STEPS}, this engine ${own}.`);
      };
      const open = async (contender: Contender): Promise<Job> => {
        if (!contender.training) throw new Error('Who cannot train was left out.');
        const job = await contender.training(model, weights, ids);
        await job.run(COMPARED_STEPS);
        return job;
      };
      return await all(trainers, open, check, options);
    },
  };
}

/** Opens a job with each contender, checks what it gives, and times them in turn. @throws Error when this engine's result is wrong. */
async function all(
  contenders: readonly Contender[],
  open: (contender: Contender) => Promise<Job>,
  check: (result: Float32Array) => void,
  options: MeasureOptions,
): Promise<(Measured | Wrong)[]> {
  const jobs: { name: string; job: Job }[] = [];
  const wrong: Wrong[] = [];
  try {
    for (const contender of contenders) {
      const { name } = contender;
      let job: Job | undefined;
      try {
        job = await open(contender);
        check(await job.result());
        jobs.push({ name, job });
      } catch (cause) {
        job?.destroy();
        const why = `${name}: ${String(cause)}`;
        if (jobs.length === 0) throw new Error(why, { cause });
        wrong.push({ name, wrong: why });
      }
    }
    return [...(await measureInTurn(jobs, options)), ...wrong];
  } finally {
    for (const { job } of jobs) job.destroy();
  }
}

/** Some numbers of X · Wᵀ against sums in f64. */
function checkProduct({ m, n, k }: ProductSize, x: Float32Array, w: Float32Array) {
  return (result: Float32Array): void => {
    for (let i = 0; i < CHECKED; i++) {
      const at = Math.floor((i / CHECKED) * m * n);
      const [row, column] = [Math.floor(at / n), at % n];
      let [sum, size] = [0, 0];
      for (let j = 0; j < k; j++) {
        const term = (x[row * k + j] ?? NaN) * (w[column * k + j] ?? NaN);
        sum += term;
        size += Math.abs(term);
      }
      if (!(Math.abs((result[at] ?? NaN) - sum) <= PRODUCT_TOLERANCE * size))
        throw new Error(`It computed ${result[at]} at ${row}, ${column} instead of ${sum}.`);
    }
  };
}

/** The whole chain in f64. */
function checkChain(x: Float32Array, w: Float32Array) {
  const { side, length } = CHAIN;
  let y = Float64Array.from(x);
  for (let link = 0; link < length; link++)
    y = Float64Array.from(y, (_, at) => {
      const [row, column] = [Math.floor(at / side), at % side];
      let sum = 0;
      for (let j = 0; j < side; j++) sum += (y[row * side + j] ?? NaN) * (w[column * side + j] ?? NaN);
      return sum;
    });
  return (result: Float32Array): void => {
    if (result.length !== sizeOf([side, side])) throw new Error(`It gave ${result.length} numbers.`);
    result.forEach((value, at) => {
      if (!(Math.abs(value - (y[at] ?? NaN)) <= 1e-3)) throw new Error(`It computed ${value} instead of ${y[at]}.`);
    });
  };
}

/** Turns each pair of coordinates by an angle of its own. */
function rotation(side: number): Float32Array<ArrayBuffer> {
  const w = new Float32Array(side * side);
  for (let i = 0; i < side; i += 2) {
    const angle = 0.1 * (1 + i);
    w.set([Math.cos(angle), -Math.sin(angle)], i * side + i);
    w.set([Math.sin(angle), Math.cos(angle)], (i + 1) * side + i);
  }
  return w;
}
