import type { Runtime } from './runtime.ts';

/**
 * Runs work in a scope of its own, and checks that it leaves no GPU memory behind; when it fails, nothing of it is left recorded or
 * allocated. `what` it is, for the error of a leak.
 */
export async function guarded<R>(runtime: Runtime, what: string, work: () => Promise<R>): Promise<R> {
  const before = runtime.pool.report().liveBuffers;
  runtime.beginScope();
  try {
    const result = await work();
    runtime.endScope();
    const left = runtime.pool.report().liveBuffers - before;
    if (left !== 0) throw new Error(`${what} left ${left} GPU buffers behind: this is a bug.`);
    return result;
  } catch (cause) {
    runtime.recorder.discard();
    runtime.resetScopes();
    throw cause;
  }
}
