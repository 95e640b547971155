import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openLab, type LabClient } from '../../src/lab/door/client.ts';
import { host } from '../../src/lab/door/host.ts';
import { BEAT_MS, UNANSWERED } from '../../src/lab/door/heartbeat.ts';
import { LabFailure, STOPPED, WORKER_LOST, type LabError } from '../../src/lab/door/labError.ts';
import type { AskOptions, Door, FromLab, LabCommand, LabEvent, ToLab } from '../../src/lab/door/protocol.ts';
import { Turns } from '../../src/lab/door/turns.ts';
import { failureOf } from '../harness/labFailure.ts';

/** A request as it reached the lab. */
interface Reached {
  readonly command: LabCommand;
  readonly options: AskOptions<LabCommand['type']>;
  readonly answer: (answer: unknown) => void;
  readonly fail: (cause: unknown) => void;
}

let reached: Reached[];
let events: LabEvent[];
let transferred: Transferable[][];
let crash: (message: string) => void;
let tell: (event: LabEvent) => void;
/** Whether the worker has hung: it hears nothing any more. */
let hangs: boolean;
let isTerminated: boolean;
let client: LabClient;

/** A worker in this thread, with a lab that answers when it is told to; messages are copied, as between threads. */
beforeEach(() => {
  [reached, events, transferred] = [[], [], []];
  [isTerminated, hangs] = [false, false];
  const lab = {
    ask: (command: LabCommand, options: AskOptions<LabCommand['type']>) =>
      new Promise((answer, fail) => reached.push({ command, options, answer, fail })),
  } as unknown as Door;
  vi.stubGlobal(
    'Worker',
    class extends EventTarget {
      readonly #hear: (message: ToLab) => Promise<void>;
      constructor() {
        super();
        const send = (message: FromLab, transfer: Transferable[]): void => {
          transferred.push(transfer);
          this.dispatchEvent(new MessageEvent('message', { data: structuredClone(message) }));
        };
        this.#hear = host(lab, send);
        crash = (message) => this.dispatchEvent(Object.assign(new Event('error'), { message }));
        tell = (event) => send({ kind: 'event', event }, []);
      }
      postMessage(message: ToLab): void {
        if (!hangs) void this.#hear(structuredClone(message));
      }
      terminate(): void {
        isTerminated = true;
      }
    },
  );
  client = openLab((event) => events.push(event));
});

const ERROR: LabError = { kind: 'badInput', message: 'It is empty.', action: 'Type something.', setting: 'source' };
const search = (query: string) => ({ type: 'search', query, limit: 3 }) as const;
const RESULT = {
  query: 'bread',
  step: 1,
  chunks: 2,
  hits: { after: [], before: [], bm25: [], tfidf: [] },
  documents: [],
  asked: undefined,
};

describe('a request', () => {
  test('gets its own answer, in whatever order they come', async () => {
    const first = client.ask(search('bread'));
    const second = client.ask(search('salt'));
    expect(reached.map(({ command }) => command)).toEqual([search('bread'), search('salt')]);
    reached[1]?.answer({ ...RESULT, query: 'salt' });
    reached[0]?.answer(RESULT);
    expect([(await first).query, (await second).query]).toEqual(['bread', 'salt']);
  });

  test('is rejected with its own failure', async () => {
    const first = failureOf(client.ask(search('bread')));
    const second = client.ask(search('salt'));
    reached[0]?.fail(new LabFailure(ERROR));
    reached[1]?.answer(RESULT);
    expect(await first).toEqual(ERROR);
    expect(await second).toEqual(RESULT);
  });

  test('hears its own progress, and none after its answer', async () => {
    const heard: [string, number][] = [];
    const asked = ['bread', 'salt'].map((query) =>
      client.ask(search(query), { onProgress: (fraction) => heard.push([query, fraction]) }),
    );
    reached[1]?.options.onProgress?.(0.5);
    reached[0]?.options.onProgress?.(0.25);
    for (const { answer } of reached) answer(RESULT);
    await Promise.all(asked);
    reached[0]?.options.onProgress?.(1);
    expect(heard).toEqual([
      ['salt', 0.5],
      ['bread', 0.25],
    ]);
  });

  test('is stopped by its signal, and no other with it', async () => {
    const control = new AbortController();
    const first = failureOf(client.ask(search('bread'), { signal: control.signal }));
    const second = client.ask(search('salt'));
    control.abort();
    expect(reached.map(({ options }) => options.signal?.aborted)).toEqual([true, false]);
    reached[0]?.fail(new LabFailure(STOPPED));
    reached[1]?.answer(RESULT);
    expect(await first).toEqual(STOPPED);
    expect(await second).toEqual(RESULT);
  });

  test('that was stopped before it is made never reaches the lab', async () => {
    expect(await failureOf(client.ask(search('bread'), { signal: AbortSignal.abort() }))).toEqual(STOPPED);
    expect(reached).toEqual([]);
  });

  test('for a file takes its bytes along; other answers are copied', async () => {
    const asked = client.ask({ type: 'exportRun' });
    const bytes = Uint8Array.of(1, 2, 3);
    reached[0]?.answer({ name: 'run.safetensors', bytes });
    expect((await asked).bytes).toEqual(bytes);
    expect(transferred).toEqual([[bytes.buffer]]);
  });

  test('whose answer cannot be sent is rejected in words', async () => {
    const asked = failureOf(client.ask({ type: 'listModels' }));
    reached[0]?.answer({ models: [() => 1] });
    expect(await asked).toMatchObject({ kind: 'bug' });
  });
});

describe('the worker', () => {
  test('tells everybody what is so', () => {
    tell({ type: 'opened', id: 'one' });
    expect(events).toEqual([{ type: 'opened', id: 'one' }]);
  });

  test('that breaks rejects all that waits and all that comes, and says so once', async () => {
    const asked = [client.ask(search('bread')), client.ask({ type: 'train' })].map(failureOf);
    crash('out of memory');
    const [first, second] = await Promise.all(asked);
    expect(first).toMatchObject({ kind: 'bug', message: 'The worker stopped: out of memory.' });
    expect(second).toEqual(first);
    expect(events).toEqual([{ type: 'lost', error: first }]);
    expect(await failureOf(client.ask({ type: 'listModels' }))).toEqual(first);
    expect(isTerminated).toBe(true);
  });

  test('that is closed rejects all that waits', async () => {
    const asked = failureOf(client.ask(search('bread')));
    client.close();
    expect(await asked).toEqual(STOPPED);
    tell({ type: 'reset' });
    expect(events, 'nothing is heard of it any more').toEqual([]);
  });
});

describe('a worker that hangs', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    client = openLab((event) => events.push(event));
  });
  afterEach(() => vi.useRealTimers());
  const silent = (isSilent: boolean) => ({ type: 'silent', isSilent });
  const wait = (beats: number) => vi.advanceTimersByTime(beats * BEAT_MS);

  test('is found after half a minute, once, and forgiven when it answers', () => {
    wait(100);
    expect(events, 'it answers').toEqual([]);
    hangs = true;
    wait(UNANSWERED);
    expect(events).toEqual([]);
    wait(3);
    expect(events).toEqual([silent(true)]);
    hangs = false;
    wait(1);
    expect(events).toEqual([silent(true), silent(false)]);
  });

  test('is forgiven for whatever it says', () => {
    hangs = true;
    wait(UNANSWERED + 1);
    tell({ type: 'opened', id: 'one' });
    expect(events).toEqual([silent(true), silent(false), { type: 'opened', id: 'one' }]);
  });

  test('is not taken for one that slept with its page', () => {
    hangs = true;
    for (let i = 0; i < 20; i++) {
      wait(UNANSWERED - 1);
      // The page sleeps: its clock goes on, its timers do not.
      const now = performance.now() + 3 * BEAT_MS;
      vi.spyOn(performance, 'now').mockReturnValueOnce(now);
      wait(1);
    }
    expect(events).toEqual([]);
  });

  test('is asked nothing more once it is ended', () => {
    client.close(WORKER_LOST);
    hangs = true;
    wait(20);
    expect(events).toEqual([]);
  });
});

describe('turns', () => {
  const NEVER = new AbortController().signal;
  /** Work that is done when told to. */
  function work() {
    let finish!: () => void;
    let isBegun = false;
    const done = new Promise<void>((resolve) => (finish = resolve));
    return {
      do: () => {
        isBegun = true;
        return done;
      },
      finish: () => finish(),
      get isBegun() {
        return isBegun;
      },
    };
  }

  test('come one after the other, and one that fails holds up none', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const first = turns.enqueue(() => Promise.reject(new LabFailure(ERROR)), NEVER);
    const second = turns.enqueue(() => Promise.resolve(order.push('second')), NEVER);
    expect(await failureOf(first)).toEqual(ERROR);
    await second;
    expect(order).toEqual(['second']);
  });

  test.each(['enqueue', 'between'] as const)(
    'work that waits (%s) is dropped at once when it is stopped',
    async (how) => {
      const turns = new Turns();
      const [long, waiting, last] = [work(), work(), work()];
      const first = turns.enqueue(long.do, NEVER);
      const control = new AbortController();
      const dropped = turns[how](waiting.do, control.signal);
      const after = turns[how](last.do, NEVER);
      control.abort();
      // While the first goes on: nobody has to wait for that.
      expect(await failureOf(dropped)).toEqual(STOPPED);
      long.finish();
      last.finish();
      await Promise.all([first, after]);
      expect([waiting.isBegun, last.isBegun]).toEqual([false, true]);
    },
  );

  test('between two steps, the loop that is training gets to them first', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const training = turns.enqueue(async () => {
      order.push('step');
      await turns.doAsides();
      order.push('step');
    }, NEVER);
    const aside = turns.between(() => Promise.resolve(order.push('look')), NEVER);
    await Promise.all([training, aside]);
    expect(order).toEqual(['step', 'look', 'step']);
  });

  test('what nobody waits for ends when anybody asks for a turn, begun or not, and holds up nobody', async () => {
    for (const how of ['enqueue', 'between'] as const) {
      const turns = new Turns();
      const order: string[] = [];
      const idle = turns.whenIdle(
        (signal) =>
          new Promise((resolve) => {
            order.push('idle');
            signal.addEventListener('abort', () => resolve(Boolean(order.push('ended'))));
          }),
        NEVER,
      );
      await Promise.resolve();
      const asked = turns[how](() => Promise.resolve(order.push('asked')), NEVER);
      expect(await idle).toBe(true);
      await asked;
      expect(order).toEqual(['idle', 'ended', 'asked']);

      const long = work();
      const first = turns.enqueue(long.do, NEVER);
      const never = turns.whenIdle(() => Promise.resolve(true), NEVER);
      const second = turns[how](() => Promise.resolve(), NEVER);
      expect(await never).toBe(false);
      long.finish();
      await Promise.all([first, second]);
    }
    const failing = new Turns().whenIdle(() => Promise.reject(new LabFailure(ERROR)), NEVER);
    expect(await failureOf(failing)).toEqual(ERROR);
  });
});
