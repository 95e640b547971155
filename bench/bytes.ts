import { PURPOSES } from '../src/gpu/pool.ts';
import { configure } from '../src/settings/configuration.ts';
import type { Runtime } from '../src/ops/core/runtime.ts';
import { BATCHES } from './inBatchAttention.ts';
import { makeRunner } from './steps.ts';
import { formatBytes, formatRatio, type Column, type Row } from './table.ts';

export const BYTES_COLUMNS: readonly Column[] = [
  { key: 'chunks', title: 'B' },
  { key: 'checkpointing', title: 'checkpointing' },
  { key: 'tokens', title: 'tokens' },
  ...PURPOSES.map((purpose) => ({ key: purpose, title: purpose, format: formatBytes })),
  { key: 'peakTotal', title: 'peak of sum', format: formatBytes },
  { key: 'ratio', title: 'to B 4', format: formatRatio },
  { key: 'held', title: 'held by pool', format: formatBytes },
];

/** What one step of the small preset holds at its peak, by purpose. Peaks of purposes need not fall on the same moment. */
export async function benchBytes(runtime: Runtime, signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = [];
  for (const checkpointing of [false, true]) {
    let smallest: number | undefined;
    for (const chunks of BATCHES) {
      signal.throwIfAborted();
      const runner = await makeRunner(runtime, `B ${chunks}`, configure({ chunks, checkpointing }));
      const { tokens, memory } = await runner.trainer.step();
      smallest ??= memory.peakTotal;
      rows.push({
        chunks,
        checkpointing: checkpointing ? 'on' : 'off',
        tokens,
        ...memory.peak,
        peakTotal: memory.peakTotal,
        ratio: memory.peakTotal / smallest,
        held: memory.total,
      });
      runner.destroy();
      // What this batch size leaves behind would count as held by the next.
      await runtime.recorder.flush();
      runtime.pool.trim();
    }
  }
  return rows;
}
