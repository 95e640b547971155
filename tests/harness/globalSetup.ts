import { gpuEnvironment } from '../../scripts/gpu-environment.mjs';

/**
 * Runs once, before vitest starts the processes that run test files: they inherit the environment in which Dawn finds an
 * adapter. Without any adapter this throws, and the run fails.
 */
export default async function setup(): Promise<void> {
  // Asked for again by every group of files (vite.config.ts).
  if (process.env.REVELA_ADAPTER) return;
  const { env, adapter } = await gpuEnvironment('swiftshader');
  // Programs that tests start look for an adapter themselves: they are to find the same.
  Object.assign(process.env, { REVELA_GPU: process.env.REVELA_GPU || 'swiftshader' }, env);
  process.env.REVELA_ADAPTER = `${adapter.description} (${adapter.vendor} ${adapter.architecture})`;
  console.log(`GPU for the tests: ${process.env.REVELA_ADAPTER}`);
}
