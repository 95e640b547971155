import { configure } from '../src/settings/configuration.ts';
import type { Runtime } from '../src/ops/core/runtime.ts';
import { makeRunner } from './steps.ts';
import { formatBytes, type Column, type Row } from './table.ts';

export const MEMORY_COLUMNS: readonly Column[] = [
  { key: 'step', title: 'step' },
  { key: 'poolBytes', title: 'pool', format: formatBytes },
  { key: 'liveBytes', title: 'live', format: formatBytes },
  { key: 'liveBuffers', title: 'live buffers' },
  { key: 'heapBytes', title: 'JS heap', format: formatBytes },
  { key: 'seconds', title: 's' },
];

/** A growth below this is that of a batch longer than any before: the pool keeps buffers by size. */
const FLAT = 0.02;

export interface MemoryVerdict {
  readonly flat: boolean;
  readonly text: string;
  readonly facts: Row;
}

/** Trains the small preset for `steps` updates and looks ten times at what is held. */
export async function benchMemory(runtime: Runtime, steps: number, signal: AbortSignal): Promise<Row[]> {
  const { trainer, destroy } = await makeRunner(runtime, 'memory', configure({}));
  const started = performance.now();
  const rows: Row[] = [];
  for (let tenth = 1, step = 0; tenth <= 10; tenth++) {
    const until = Math.round((steps * tenth) / 10);
    if (until === step) continue;
    for (; step < until; step++) {
      signal.throwIfAborted();
      await trainer.step();
    }
    const { total, idle, liveBuffers } = runtime.pool.report();
    rows.push({
      step,
      poolBytes: total,
      liveBytes: total - idle,
      liveBuffers,
      heapBytes: process.memoryUsage().heapUsed,
      seconds: (performance.now() - started) / 1000,
    });
  }
  destroy();
  return rows;
}

/** Whether the pool has stopped growing after the first row. */
export function judgeMemory(rows: readonly Row[]): MemoryVerdict {
  const at = (row: Row | undefined, key: string) => Number(row?.[key] ?? NaN);
  const [first, last] = [rows[0], rows.at(-1)];
  const [before, after] = [at(first, 'poolBytes'), at(last, 'poolBytes')];
  const growth = after / before - 1;
  const sameBuffers = at(first, 'liveBuffers') === at(last, 'liveBuffers');
  const flat = growth <= FLAT && sameBuffers;
  const bytes = `${formatBytes(before)} after step ${at(first, 'step')}, ${formatBytes(after)} after step ${at(last, 'step')}`;
  const buffers = sameBuffers
    ? `${at(last, 'liveBuffers')} live buffers throughout`
    : `from ${at(first, 'liveBuffers')} to ${at(last, 'liveBuffers')} live buffers`;
  return {
    flat,
    text: `Pool bytes ${flat ? 'stayed flat' : 'GREW'}: ${bytes} (${(100 * growth).toFixed(2)} %), ${buffers}.`,
    facts: { flat: String(flat), growth },
  };
}
