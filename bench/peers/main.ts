import { parseArgs } from 'node:util';
import { qwenShape, smallShape, tokensOf } from '../../src/run/deviceBench/shapes.ts';
import { jsonReport, textReport, type Section } from '../report.ts';
import { formatRatio, type Column, type Row } from '../table.ts';
import { inNode } from './inNode.ts';
import { inPage } from './inPage.ts';
import { installPeers } from './install.ts';
import type { Measured, MeasureOptions } from './libraries/measure.ts';
import type { Peers, Wrong } from './libraries/comparison.ts';
import { SMALL_MODEL, type ProductSize } from './work.ts';

const USAGE = `Usage: npm run bench:peers -- [--rounds N] [--only products|dispatch|step] [--tokens T] [--node] [--json]

Measures this engine beside jax-js, TensorFlow.js and ONNX Runtime Web in one page of one browser, in turn: matrix products of the
small model and of Qwen2.5-0.5B (T tokens, default 128), the cost of a dispatch, and a step of a small language model. Each has a
device of its own. What they compute is checked first, against sums in f64 and against one another; who computes wrongly here is
left out. N rounds (default 7). The libraries are installed when this first runs, into node_modules/.cache.
  --node   in one process of Node instead, on the GPU that Node finds, and without ONNX Runtime Web
`;

const PARTS = ['products', 'dispatch', 'step'] as const;
type Part = (typeof PARTS)[number];

interface Options {
  readonly measure: MeasureOptions;
  readonly only: Part | undefined;
  readonly tokens: number;
  readonly node: boolean;
  readonly json: boolean;
}

/** Entry of `npm run bench:peers`. */
export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const options = optionsOf(args);
  if (!options) {
    process.stderr.write(USAGE);
    return 2;
  }
  const { folderOf, versions } = await installPeers((text) => process.stderr.write(text));
  const alias = (['@jax-js/jax', '@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgpu'] as const).map((find) => ({
    find,
    replacement: folderOf(find),
  }));
  await (options.node ? inNode : inPage)(alias, async (peers, about) => {
    signal.throwIfAborted();
    const names = await peers.open(versions);
    await report(peers, `${about}; ${names.join(', ')}`, options, signal);
  });
  return 0;
}

async function report(
  peers: Peers,
  about: string,
  { measure, only, tokens, json }: Options,
  signal: AbortSignal,
): Promise<void> {
  const write = (text: string) => process.stdout.write(text);
  const to = json ? jsonReport(write) : textReport(write);
  const wanted = (part: Part) => only === undefined || only === part;
  const table = async (
    part: Part,
    title: string,
    works: readonly (readonly [string, () => Promise<(Measured | Wrong)[]>])[],
  ) => {
    if (!wanted(part)) return;
    const section: Section = {
      table: part,
      title,
      notes: [about, 'Medians; ratios are to this engine, of times measured in the same round.'],
    };
    to.begin(section);
    const measured: Row[] = [];
    const wrong: string[] = [];
    for (const [what, work] of works) {
      signal.throwIfAborted();
      const all = await work();
      measured.push(rowOf(what, all));
      wrong.push(...all.flatMap((one) => ('wrong' in one ? [`${what}: ${one.wrong}`] : [])));
    }
    to.rows(section, columnsOf(measured), measured);
    for (const text of wrong) to.conclude(section, text, {});
  };
  await table(
    'products',
    'Products X · Wᵀ in f32',
    (await productSizes(tokens)).map((size) => [
      `${size.what}: ${size.m} × ${size.n} × ${size.k}`,
      () => peers.product(size, measure),
    ]),
  );
  await table('dispatch', 'Cost of a dispatch: tiny products, each of the one before', [
    ['16 × 16 × 16', () => peers.dispatch(measure)],
  ]);
  const { layers, hidden, mlp, vocabulary, rows: chunks, tokens: length } = SMALL_MODEL;
  await table('step', 'A training step of a small language model', [
    [
      `${layers} layers of ${hidden} (MLP ${mlp}), vocabulary ${vocabulary}, ${chunks} × ${length} tokens, Adam`,
      () => peers.step(SMALL_MODEL, measure),
    ],
  ]);
}

function rowOf(what: string, [own, ...peers]: readonly (Measured | Wrong)[]): Row {
  return {
    what,
    ms: own && 'ms' in own ? own.ms : undefined,
    ...Object.fromEntries(peers.map((peer) => [peer.name, 'ratio' in peer ? peer.ratio : 'left out'])),
  };
}

function columnsOf(rows: readonly Row[]): Column[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((key) => key !== 'what' && key !== 'ms');
  return [
    { key: 'what', title: 'work' },
    { key: 'ms', title: 'this engine, ms' },
    ...names.map((key) => ({ key, title: key, format: formatRatio })),
  ];
}

/** Linear maps of a layer, and a slice of the head. */
async function productSizes(tokens: number): Promise<ProductSize[]> {
  const small = await smallShape();
  return [
    { ...small, m: tokensOf(small) },
    { ...qwenShape(false), m: tokens },
  ].flatMap(({ name, m, hidden, heads, kvHeads, headDim, mlp, vocabulary }) => [
    { what: `${name}, q/k/v`, m, n: (heads + 2 * kvHeads) * headDim, k: hidden },
    { what: `${name}, gate/up`, m, n: 2 * mlp, k: hidden },
    { what: `${name}, down`, m, n: hidden, k: mlp },
    { what: `${name}, head`, m, n: Math.min(vocabulary, 8192), k: hidden },
  ]);
}

function optionsOf(args: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string' },
        only: { type: 'string' },
        tokens: { type: 'string' },
        node: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    const [rounds, tokens] = [Number(values.rounds ?? 7), Number(values.tokens ?? 128)];
    const only = PARTS.find((part) => part === values.only);
    if (![rounds, tokens].every((n) => Number.isInteger(n) && n > 0) || (values.only !== undefined && !only))
      return undefined;
    return { measure: { rounds, targetMs: 50 }, only, tokens, node: values.node === true, json: values.json === true };
  } catch {
    return undefined;
  }
}
