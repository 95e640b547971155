import { vi } from 'vitest';
import type { LabCommand, LabEvent } from '../../src/lab/door/protocol.ts';
import { inventedRun } from '../browser/support/inventedRun.ts';
import { record } from './records.ts';

/** A lab in the worker's place: what it was sent, and words put into its mouth. */
export interface FakeLab {
  readonly sent: LabCommand[];
  say(event: LabEvent): void;
  /** Answers a configuration that was sent. */
  accept(): void;
  /** Begins to train, and makes the updates from `from` to `to`. */
  steps(from: number, to: number): void;
  /** Says that the run stands still. */
  rest(): void;
}

/** Puts it into the place of every worker that is started from now on, and a clock into that of the display. */
export function fakeLab(): FakeLab {
  let listener: ((message: { data: LabEvent }) => void) | undefined;
  const sent: LabCommand[] = [];
  vi.stubGlobal(
    'Worker',
    class {
      addEventListener(type: string, heard: (message: { data: LabEvent }) => void): void {
        if (type === 'message') listener = heard;
      }
      postMessage(command: LabCommand): void {
        sent.push(command);
      }
      terminate(): void {
        listener = undefined;
      }
    },
  );
  vi.stubGlobal('requestAnimationFrame', (draw: (now: number) => void) => setTimeout(() => draw(performance.now()), 0));
  const say = (event: LabEvent): void => listener?.({ data: event });
  return {
    sent,
    say,
    accept: () => {
      say({ type: 'corpus', summary: inventedRun(1).corpus });
      say({ type: 'reset' });
      say({ type: 'state', state: 'idle', detail: 'Ready' });
    },
    steps: (from, to) => {
      say({ type: 'state', state: 'running', detail: 'Training' });
      for (let step = from; step <= to; step++) say({ type: 'step', record: record(step) });
    },
    rest: () => say({ type: 'state', state: 'paused', detail: 'Paused' }),
  };
}
