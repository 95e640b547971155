import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TransformersLibrary } from '../../encoder/encoder.ts';

/** Where transformers.js looks for a runtime that is there already. */
const RUNTIME = Symbol.for('onnxruntime');

/**
 * transformers.js in Node, on the WebAssembly that the page has, so that both give the same numbers. Its own runtime for Node is a
 * package of 200 MB whose installation downloads more from elsewhere: package.json puts another in its place.
 */
export async function loadTransformers(): Promise<TransformersLibrary> {
  const runtime = await import('onnxruntime-web');
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  runtime.env.wasm.wasmPaths = pathToFileURL(`${folder}/`).href;
  Object.assign(globalThis, { [RUNTIME]: runtime });
  return import('@huggingface/transformers');
}
