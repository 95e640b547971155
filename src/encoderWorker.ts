import type { TransformersLibrary } from './encoder/encoder.ts';
import { hostEncoder } from './encoder/remote/host.ts';
import type { ToEncoder } from './encoder/remote/messages.ts';

/** Where transformers.js looks for a runtime that is there already. */
const RUNTIME = Symbol.for('onnxruntime');

/** transformers.js on WebAssembly, both out of this build: nothing is fetched from elsewhere. One thread, since pages have no shared memory by default. */
async function load(): Promise<TransformersLibrary> {
  const [runtime, { default: wasm }] = await Promise.all([
    import('onnxruntime-web/wasm'),
    import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url'),
  ]);
  runtime.env.wasm.wasmPaths = { wasm: new URL(wasm, import.meta.url).href };
  runtime.env.wasm.numThreads = 1;
  Object.assign(globalThis, { [RUNTIME]: runtime });
  return import('@huggingface/transformers');
}

/** An encoder behind a worker of its own. */
const hear = hostEncoder(load, (message, transfer = []) => postMessage(message, { transfer }));
addEventListener('message', (message: MessageEvent<ToEncoder>) => void hear(message.data));
