import type { StepMetrics } from '../../src/run/record.ts';
import type { SavedRun } from '../../src/run/saving.ts';

/** What of a step is its machine's, and no other time the same. */
const MACHINE: readonly string[] = ['stepMs', 'tokensPerSecond', 'memory'];

/** Names of what is not the same in both runs: their steps, their tensors, and what was measured of the steps that both have. */
export function compare(one: SavedRun, other: SavedRun): string[] {
  const unlike = [...tensorsUnlike(one, other), ...stepsUnlike(one, other)];
  return one.state.step === other.state.step ? unlike : [`steps ${one.state.step} and ${other.state.step}`, ...unlike];
}

function tensorsUnlike(one: SavedRun, other: SavedRun): string[] {
  const names = new Set([...one.state.tensors.keys(), ...other.state.tensors.keys()]);
  const bits = ({ state }: SavedRun, name: string): Uint8Array => {
    const tensor = state.tensors.get(name);
    return tensor ? new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength) : new Uint8Array();
  };
  return [...names].filter((name) => Buffer.compare(bits(one, name), bits(other, name)) !== 0);
}

/** Records keep fewer of many steps, and not the same where a run was put back: those that are in both have to be most of one. */
function stepsUnlike(one: SavedRun, other: SavedRun): string[] {
  const byStep = new Map(other.record?.metrics.map((metrics) => [metrics.step, numbers(metrics)]));
  const shared = (one.record?.metrics ?? []).filter(({ step }) => byStep.has(step));
  const unlike = shared.filter((metrics) => numbers(metrics) !== byStep.get(metrics.step));
  const least = Math.min(one.record?.metrics.length ?? 0, byStep.size) / 4;
  return [
    ...(shared.length === 0 || shared.length < least ? [`only ${shared.length} steps are in both records`] : []),
    ...(unlike.length > 0 ? [`numbers of ${unlike.length} steps, the first ${unlike[0]!.step}`] : []),
  ];
}

const numbers = (metrics: StepMetrics): string =>
  JSON.stringify(Object.entries(metrics).filter(([name]) => !MACHINE.includes(name)));
