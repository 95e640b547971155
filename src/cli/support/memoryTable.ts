import { byteText } from '../../files/formats/byteText.ts';
import { PURPOSES, type PoolReport, type Purpose } from '../../gpu/pool.ts';
import type { MemoryPlan } from '../../run/memoryPlan.ts';
import { table } from './reports.ts';

/** What a step is predicted to need, beside what it needed where it has been run. */
export function memoryTable(plan: MemoryPlan, measured?: PoolReport): string {
  const row = (name: string, planned: number, real: number | undefined): string[] => [
    name,
    byteText(planned),
    ...(real === undefined ? [] : [byteText(real), deviation(planned, real)]),
  ];
  return table([
    ['highest of each', 'planned', ...(measured ? ['measured', ''] : [])],
    ...PURPOSES.map((name: Purpose) => row(name, plan.byPurpose[name], measured?.peak[name])),
    row('all at once', plan.peakTotal, measured?.peakTotal),
  ]);
}

function deviation(planned: number, real: number): string {
  if (real === 0) return planned === 0 ? '' : '(not used)';
  const percent = (100 * (planned - real)) / real;
  return `${percent >= 0 ? '+' : '−'}${Math.abs(percent).toFixed(1)} %`;
}
