import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';

/** Microseconds from sample to sample. */
const SAMPLING_US = 100;

/** What a file of the engine is busy with; the first that its path contains counts. */
const PLACES: readonly (readonly [path: string, place: string])[] = [
  ['gpu/pipelines.ts', 'pipeline key'],
  ['gpu/params.ts', 'parameters'],
  ['gpu/uniforms.ts', 'parameters'],
  ['gpu/bindGroups.ts', 'bind groups'],
  ['gpu/recorder.ts', 'recording and encoding'],
  ['gpu/budget.ts', 'recording and encoding'],
  ['gpu/shaderLibrary.ts', 'recording and encoding'],
  ['gpu/pool.ts', 'buffer pool'],
  ['gpu/staging.ts', 'uploads and reads'],
  ['gpu/', 'recording and encoding'],
  ['ops/core/tape.ts', 'tape'],
  ['ops/core/tensor.ts', 'tensors and scopes'],
  ['ops/core/runtime.ts', 'tensors and scopes'],
  ['ops/core/gemm', 'products'],
  ['ops/', 'other ops'],
  ['models/', 'models'],
  ['objectives/', 'objective'],
  ['training/', 'trainer and optimiser'],
  ['corpus/', 'batches'],
  ['tokenizers', 'batches'],
  ['run/', 'batches'],
  ['bench/idleDevice.ts', 'the idle device'],
];

/** What share of the JavaScript thread's time goes to one kind of work. */
export interface PlaceShare {
  readonly place: string;
  readonly share: number;
}

/** Where `work` spends its time, by V8's sampling profiler, largest share first; waiting does not count. */
export async function placeShares(work: () => Promise<void>): Promise<PlaceShare[]> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_US });
    await session.post('Profiler.start');
    await work();
    const { profile } = await session.post('Profiler.stop');
    return shares(profile);
  } finally {
    session.disconnect();
  }
}

function shares({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): PlaceShare[] {
  // Optimised code comes without its file at times: the same function at the same line has it elsewhere.
  const urls = new Map(
    nodes.filter(({ callFrame: { url } }) => url !== '').map((node) => [frameKey(node), urlOf(node)]),
  );
  const places = new Map(
    nodes.map((node) => [
      node.id,
      placeOf(node.callFrame.functionName, urlOf(node) || (urls.get(frameKey(node)) ?? '')),
    ]),
  );
  const sums = new Map<string, number>();
  let total = 0;
  samples.forEach((id, i) => {
    const place = places.get(id);
    if (place === undefined) return;
    const spent = timeDeltas[i] ?? 0;
    sums.set(place, (sums.get(place) ?? 0) + spent);
    total += spent;
  });
  return [...sums].map(([place, spent]) => ({ place, share: spent / total })).sort((a, b) => b.share - a.share);
}

const urlOf = ({ callFrame }: Profiler.ProfileNode) => callFrame.url;
const frameKey = ({ callFrame: { functionName, lineNumber } }: Profiler.ProfileNode) => `${functionName}:${lineNumber}`;

/** Undefined for waiting, on the GPU or for the processor. */
function placeOf(functionName: string, url: string): string | undefined {
  if (['(idle)', '(root)', '(program)'].includes(functionName)) return undefined;
  if (functionName === '(garbage collector)') return 'garbage collection';
  return PLACES.find(([path]) => url.includes(path))?.[1] ?? 'V8 and Node';
}
