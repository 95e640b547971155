import { gpuEnvironment } from '../../scripts/gpu-environment.mjs';

/**
 * Runs once, before vitest starts the processes that run test files: they inherit the environment in which Dawn finds an
 * adapter. Without any adapter this throws, and the run fails.
 */
export default async function setup(): Promise<void> {
  const { env, adapter } = await gpuEnvironment('swiftshader');
  // Programs that tests start look for an adapter themselves: they are to find the same.
  Object.assign(process.env, { REVELA_GPU: process.env.REVELA_GPU || 'swiftshader' }, env);
  console.log(`GPU for the tests: ${adapter.description} (${adapter.vendor} ${adapter.architecture})`);
}
