/**
 * How many times as long as a quiet machine with two cores this one takes to start; at least 1. Measured once, before the
 * first test (globalSetup.ts), which hands it to the processes that run tests.
 */
const PACE = Number(process.env.REVELA_PACE ?? 1);

/** How long something may take here, ms, that may take `ms` on a quiet machine. Tests wait for states, never for times. */
export function budget(ms: number): number {
  return Math.ceil(ms * PACE);
}
