import type { Dispatch } from '../src/gpu/commands.ts';
import { dryDevice, DryPool } from '../src/gpu/dryDevice.ts';
import { Recorder } from '../src/gpu/recorder.ts';
import { causalAttention } from '../src/ops/causalAttention.ts';
import { makeRows } from '../src/ops/core/rows.ts';
import { Runtime } from '../src/ops/core/runtime.ts';
import { Tape } from '../src/ops/core/tape.ts';
import { linear } from '../src/ops/linear.ts';
import { rmsNorm } from '../src/ops/rmsNorm.ts';
import { swiglu } from '../src/ops/swiglu.ts';
import { median } from './compare.ts';
import { idleDevice } from './idleDevice.ts';
import { input } from './opVariant.ts';
import type { Column, Row } from './table.ts';

export const RECORDING_COLUMNS: readonly Column[] = [
  { key: 'kernels', title: 'kernels' },
  { key: 'recordMs', title: 'record ms' },
  { key: 'sendMs', title: 'send ms' },
];

const DISPATCHES = 1000;

/**
 * JavaScript time that 1,000 dispatches of a layer's kernels cost, forward and backward: to record them, and to send them to a
 * device whose calls do nothing. Medians of `rounds`, after two that warm up.
 */
export async function benchRecording(rounds: number, signal: AbortSignal): Promise<Row[]> {
  const layer = layerDispatches();
  const gpu = idleDevice();
  const recorder = new Recorder(gpu, new DryPool(gpu.device));
  const times: { record: number; send: number }[] = [];
  for (let round = -2; round < rounds; round++) {
    signal.throwIfAborted();
    const started = performance.now();
    for (let i = 0; i < DISPATCHES; i++) recorder.dispatch(layer[i % layer.length] ?? fail());
    const recorded = performance.now();
    await recorder.flush();
    if (round >= 0) times.push({ record: recorded - started, send: performance.now() - recorded });
  }
  return [
    {
      kernels: new Set(layer.map(({ kernel }) => kernel)).size,
      recordMs: median(times.map(({ record }) => record)),
      sendMs: median(times.map(({ send }) => send)),
    },
  ];
}

function fail(): never {
  throw new Error('A layer without dispatches: this is a bug.');
}

/** What ops ask for in a layer's forward and backward pass. */
function layerDispatches(): Dispatch[] {
  const dispatches: Dispatch[] = [];
  const runtime = new Runtime(dryDevice());
  runtime.dispatch = (dispatch) => void dispatches.push(dispatch);
  const [heads, headDim, width] = [4, 16, 64];
  const rows = makeRows(runtime, [24, 40]);
  const tape = new Tape(runtime);
  runtime.tape = tape;
  const weight = (shape: readonly number[]) => input(runtime, shape);
  const normed = rmsNorm(runtime, input(runtime, [rows.tokens, width]), weight([width]), 1e-6);
  const [q, k, v] = [0, 1, 2].map(() => linear(runtime, normed, weight([width, width])));
  if (!q || !k || !v) return fail();
  const attended = causalAttention(runtime, q, k, v, rows, { heads, kvHeads: heads, headDim });
  const out = swiglu(runtime, linear(runtime, attended, weight([4 * width, width])));
  runtime.tape = undefined;
  tape.backward([{ tensor: out, gradient: out }]);
  tape.dispose();
  return dispatches;
}
