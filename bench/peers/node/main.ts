import { openEngine } from '../libraries/engine.ts';
import { openJaxJs } from '../libraries/jaxJs.ts';
import { peersOf } from '../libraries/comparison.ts';
import { openTfjs } from '../libraries/tfjs.ts';

/** What the bench finds in the module. ONNX Runtime Web is not among them: in Node its sessions take no buffers of the GPU. */
export const peers = peersOf(async ({ jax, tfjs }) => [await openEngine(), await openJaxJs(jax), await openTfjs(tfjs)]);
