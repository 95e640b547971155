import type { Dispatch } from '../src/gpu/commands.ts';
import { COUNTED_STEPS, dispatchesOf } from './countedSteps.ts';
import { formatBytes, type Column, type Row } from './table.ts';

export const WORK_COLUMNS: readonly Column[] = [
  { key: 'step', title: 'step' },
  { key: 'kernel', title: 'kernel' },
  { key: 'dispatches', title: 'dispatches' },
  { key: 'bytes', title: 'bytes', format: formatBytes },
  { key: 'gflops', title: 'GFLOP' },
];

/** Dispatches of a training step, and the bytes and operations that the ops count for them, in all and by kernel. */
export async function benchWork(signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = [];
  for (const counted of COUNTED_STEPS) {
    signal.throwIfAborted();
    rows.push(...byKernel(counted.step, await dispatchesOf(counted)));
  }
  return rows;
}

function byKernel(step: string, all: readonly Dispatch[]): Row[] {
  const groups = new Map<string, Dispatch[]>();
  for (const one of all) {
    const group = groups.get(one.kernel) ?? [];
    group.push(one);
    groups.set(one.kernel, group);
  }
  const sums = (kernel: string, dispatches: readonly Dispatch[]): Row => ({
    step,
    kernel,
    dispatches: dispatches.length,
    bytes: dispatches.reduce((sum, { bytes }) => sum + bytes, 0),
    gflops: dispatches.reduce((sum, { flops }) => sum + flops, 0) / 1e9,
  });
  const rows = [...groups].map(([kernel, dispatches]) => sums(kernel, dispatches));
  return [sums('all', all), ...rows.sort((a, b) => Number(b['bytes']) - Number(a['bytes']))];
}
