import { openEngine } from '../libraries/engine.ts';
import { openJaxJs } from '../libraries/jaxJs.ts';
import { openOnnxRuntime } from '../libraries/onnxRuntime.ts';
import { peersOf } from '../libraries/comparison.ts';
import { openTfjs } from '../libraries/tfjs.ts';

/** What the bench finds in the page. */
const peers = peersOf(async ({ jax, tfjs, onnx }) => [
  await openEngine(),
  await openJaxJs(jax),
  await openTfjs(tfjs),
  await openOnnxRuntime(onnx),
]);

Object.assign(window, { peers });
