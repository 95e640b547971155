import * as ort from 'onnxruntime-web/webgpu';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import { sizeOf } from '../work.ts';
import type { Contender, Job } from './contender.ts';
import { onnxModel, type Node, type Value } from './onnxModel.ts';

/** ONNX Runtime Web on its WebGPU provider; inputs and results stay on the GPU. It cannot train. */
export function openOnnxRuntime(version: string): Promise<Contender> {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: new URL(wasm, document.baseURI).href };
  return Promise.resolve({
    name: 'onnxruntime-web',
    version,
    product: ({ m, n, k }, x, w) =>
      job(
        [{ op: 'Gemm', inputs: ['x', 'w'], output: 'y', transposeB: true }],
        { name: 'w', shape: [n, k], data: w },
        x,
        {
          input: [m, k],
          output: [m, n],
        },
      ),
    chain: (side, length, x, w) => {
      const nodes = Array.from({ length }, (_, i): Node => ({
        op: 'Gemm',
        inputs: [i === 0 ? 'x' : `y${i}`, 'w'],
        output: i === length - 1 ? 'y' : `y${i + 1}`,
        transposeB: true,
      }));
      return job(nodes, { name: 'w', shape: [side, side], data: w }, x, { input: [side, side], output: [side, side] });
    },
  });
}

async function job(
  nodes: readonly Node[],
  weight: Value,
  x: Float32Array<ArrayBuffer>,
  shapes: { readonly input: readonly number[]; readonly output: readonly number[] },
): Promise<Job> {
  const file = onnxModel(nodes, [weight], { name: 'x', shape: shapes.input }, { name: 'y', shape: shapes.output });
  const session = await ort.InferenceSession.create(file, {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
  });
  // Its device is there once a session is.
  const device = await ort.env.webgpu.device;
  const buffer = device.createBuffer({
    size: 4 * sizeOf(shapes.input),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, x);
  const input = ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: shapes.input });
  const once = async (): Promise<ort.Tensor> => {
    const { y } = await session.run({ x: input });
    if (!y) throw new Error('A session gives its result.');
    return y;
  };
  return {
    async run(times) {
      for (let i = 0; i < times; i++) (await once()).dispose();
      await device.queue.onSubmittedWorkDone();
    },
    async result() {
      const y = await once();
      const data = await y.getData(true);
      return data as Float32Array;
    },
    destroy() {
      buffer.destroy();
      void session.release();
    },
  };
}
