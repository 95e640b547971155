import { vi } from 'vitest';
import type { LabError } from '../../src/lab/door/labError.ts';
import type {
  Answers,
  CommandOf,
  CommandType,
  FromLab,
  LabCommand,
  LabEvent,
  ProgressOf,
  ToLab,
} from '../../src/lab/door/protocol.ts';
import { inventedRun } from '../browser/support/inventedRun.ts';
import { record } from './records.ts';

/** A request that the lab was sent. */
export interface Asked<T extends CommandType = CommandType> {
  readonly command: CommandOf<T>;
  /** Whether it was told to stop. */
  readonly isStopped: boolean;
  answer(answer: Answers[T]): void;
  fail(error: LabError): void;
  progress(progress: ProgressOf<T>): void;
}

/** A lab in the worker's place: what it was sent, and words put into its mouth. */
export interface FakeLab {
  readonly sent: LabCommand[];
  /** The requests of one type, in the order they came. */
  asked<T extends CommandType>(type: T): Asked<T>[];
  say(event: LabEvent): void;
  /** Answers the configuration that was sent last. */
  accept(): void;
  /** Begins to train, and makes the updates from `from` to `to`. */
  steps(from: number, to: number): void;
  /** Says that the run stands still, which answers who asked for training. */
  rest(): void;
  /** The worker breaks. */
  crash(message: string): void;
}

interface Request extends Asked {
  isStopped: boolean;
}

/** Puts it into the place of every worker that is started from now on, and a clock into that of the display. */
export function fakeLab(): FakeLab {
  let listeners: { message?: (message: { data: FromLab }) => void; error?: (event: { message: string }) => void } = {};
  const sent: LabCommand[] = [];
  const requests = new Map<number, Request>();
  const send = (data: FromLab): void => listeners.message?.({ data });

  function receive(message: ToLab): void {
    if (message.kind === 'beat') return;
    const { id } = message;
    if (message.kind === 'stop') {
      const request = requests.get(id);
      if (request) request.isStopped = true;
      return;
    }
    sent.push(message.command);
    requests.set(id, {
      command: message.command,
      isStopped: false,
      answer: (answer: unknown) => send({ kind: 'answer', id, answer }),
      fail: (error) => send({ kind: 'failure', id, error }),
      progress: (progress: unknown) => send({ kind: 'progress', id, progress }),
    });
  }

  vi.stubGlobal(
    'Worker',
    class {
      addEventListener(type: 'message' | 'error', heard: never): void {
        listeners[type] = heard;
      }
      postMessage(message: ToLab): void {
        receive(message);
      }
      terminate(): void {
        listeners = {};
      }
    },
  );
  vi.stubGlobal('requestAnimationFrame', (draw: (now: number) => void) => setTimeout(() => draw(performance.now()), 0));
  const say = (event: LabEvent): void => send({ kind: 'event', event });
  const asked = <T extends CommandType>(type: T): Asked<T>[] =>
    [...requests.values()].filter(({ command }) => command.type === type) as unknown as Asked<T>[];
  return {
    sent,
    asked,
    say,
    accept: () => {
      const { corpus } = inventedRun(1);
      say({ type: 'corpus', summary: corpus });
      say({ type: 'reset' });
      say({ type: 'state', state: 'idle', detail: 'Ready' });
      asked('configure').at(-1)?.answer(corpus);
    },
    steps: (from, to) => {
      say({ type: 'state', state: 'running', detail: 'Training' });
      for (let step = from; step <= to; step++) say({ type: 'step', record: record(step) });
    },
    rest: () => {
      say({ type: 'state', state: 'paused', detail: 'Paused' });
      for (const type of ['train', 'step'] as const) for (const one of asked(type)) one.answer();
    },
    crash: (message) => listeners.error?.({ message }),
  };
}

/** What is put off to the end of a task has happened. */
export const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));
