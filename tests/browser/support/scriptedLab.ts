import type { Page } from '@playwright/test';
import type { LabError } from '../../../src/lab/door/labError.ts';
import type {
  Answers,
  CommandOf,
  CommandType,
  FromLab,
  LabCommand,
  LabEvent,
  ToLab,
} from '../../../src/lab/door/protocol.ts';
import type { KernelsView } from '../../../src/lab/door/views.ts';
import type { CorpusSummary, Evaluation, Probe, StepRecord } from '../../../src/run/record.ts';
import { inventedProbe, inventedRun, inventedStep, PROBE_EVERY } from './inventedRun.ts';
import { installTexts, SHOWN_DOCUMENTS, type ScriptedTexts } from './scriptedText.ts';

interface Script {
  readonly records: readonly StepRecord[];
  /** As it looks after every `probeEvery` steps, from the untrained one on. */
  readonly probe: Probe;
  readonly probeEvery: number;
  readonly corpus: CorpusSummary;
  readonly lastStep: number;
  readonly everyMs: number;
  readonly kernels: KernelsView | undefined;
}

/** Pictures of this many steps are all kept: a run that nobody told where to stand stands before they are thinned. */
const LAST_STEP = 60;
/** Longer than the page takes for a step on any machine would make tests slow; how many steps come does not depend on it. */
const EVERY_MS = 10;

/**
 * Replaces the page's worker by one that plays a script, so that what the page makes of the lab's events can be tested
 * quickly and exactly. Commands it was sent are in `window.commands`; `window.say(event)` tells the page any event. Texts are read
 * and cut by scriptedText.ts; what else concerns no run is answered by the tests, with `window.reply`, which takes the request of its type that was sent last.
 *
 * A run that is on makes its steps up to `lastStep`, and there waits, so that no test depends on how fast the machine is:
 * `window.playTo(step)` names another one.
 */
export async function scriptLab(
  page: Page,
  { lastStep = LAST_STEP, kernels }: { lastStep?: number | undefined; kernels?: KernelsView | undefined } = {},
): Promise<void> {
  const records = Array.from({ length: LAST_STEP }, (_, i) => inventedStep(1 + 8 * i));
  const { corpus } = inventedRun(1);
  // A step stands for eight of the invented run; the probe is looked at as often.
  const probe = inventedProbe(Array.from({ length: LAST_STEP / PROBE_EVERY + 1 }, (_, i) => 8 * PROBE_EVERY * i));
  await page.addInitScript(installTexts, SHOWN_DOCUMENTS);
  await page.addInitScript(install, {
    records,
    probe,
    probeEvery: PROBE_EVERY,
    corpus,
    lastStep,
    everyMs: EVERY_MS,
    kernels,
  } satisfies Script);
}

/** What the tests find in the page. */
export interface ScriptedWindow extends Window {
  commands: LabCommand[];
  /** Types of the requests that the page has stopped, in that order. */
  stopped: CommandType[];
  say(event: LabEvent): void;
  playTo(step: number): void;
  /** Why configurations are refused from now on. */
  refusal: LabError | undefined;
  reply(type: CommandType, reply: Reply): void;
}

/** What becomes of a request. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'progress'; readonly progress: unknown }
  | { readonly kind: 'failure'; readonly error: LabError };

/** Runs in the page, so it stands alone. */
function install({ records, probe, probeEvery, corpus, lastStep, everyMs, kernels }: Script): void {
  const listeners: ((message: { data: FromLab }) => void)[] = [];
  const commands: LabCommand[] = [];
  const stopped: CommandType[] = [];
  /** What is not answered yet, in the order it was sent. */
  const waiting = new Map<number, LabCommand>();
  const send = (message: FromLab): void => listeners.forEach((listener) => listener({ data: message }));
  const say = (event: LabEvent): void => send({ kind: 'event', event });
  const { texts } = window as unknown as { readonly texts: ScriptedTexts };
  let step = 0;
  let opened = 0;
  let isOpen = false;
  let last = lastStep;
  let timer: ReturnType<typeof setInterval> | undefined;

  function update(): void {
    const record = records[step++ % records.length];
    if (kernels) answer('profileStep', kernels);
    if (record) say({ type: 'step', record: { ...record, metrics: { ...record.metrics, step } } });
    if (step % probeEvery === 0) look();
    if (step % 50 !== 0 || !record) return;
    const { recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments } = record.metrics as unknown as Evaluation;
    const evaluation = { step, recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments, tfidfRecallAt1: 0.9 };
    say({ type: 'evaluation', evaluation });
  }

  /** At the batch that stays the same, after the steps made so far. */
  function look(): void {
    const { of, batch, records: looks } = probe;
    const record = looks[Math.floor(step / probeEvery) % looks.length];
    if (record) say({ type: 'probe', of, batch, record: { ...record, metrics: { ...record.metrics, step } } });
  }

  /** Before the first step of a run. */
  function open(): void {
    if (isOpen) return;
    say({ type: 'opened', id: `run-${++opened}` });
    isOpen = true;
    if (step === 0) look();
  }

  function goOn(): void {
    if (step < last) update();
  }

  function reply(type: CommandType, what: Reply): void {
    const id = [...waiting.keys()].filter((key) => waiting.get(key)?.type === type).at(-1);
    if (id === undefined) throw new Error(`The page waits for no ${type}.`);
    if (what.kind !== 'progress') waiting.delete(id);
    if (type === 'train') {
      clearInterval(timer);
      timer = undefined;
    }
    send({ ...what, id });
  }

  /** Answers all that was asked of one type. */
  function answer<T extends CommandType>(type: T, what: Answers[T]): void {
    for (const [id, command] of waiting) {
      if (command.type !== type) continue;
      waiting.delete(id);
      send({ kind: 'answer', id, answer: what });
    }
  }

  function halt(): void {
    clearInterval(timer);
    timer = undefined;
    answer('train', undefined);
  }

  function configure(command: CommandOf<'configure'>): void {
    halt();
    const { refusal } = window as unknown as ScriptedWindow;
    if (refusal) return reply('configure', { kind: 'failure', error: refusal });
    if (command.text?.files.some(({ text }) => /^\s*$|\0/.test(text))) {
      const message = `${command.title ?? 'The text'} is not plain text.`;
      const error = { kind: 'badInput', message, action: 'Save it as .txt or .md in UTF-8.' } as const;
      return reply('configure', { kind: 'failure', error });
    }
    isOpen = false;
    step = 0;
    say({ type: 'state', state: 'preparing', detail: 'Cutting the text into chunks', progress: 0.5 });
    const counts = command.configuration.source === 'facts' ? {} : { documents: 12, chunks: 96 };
    const notices = command.text === undefined ? [] : ['A notice about the text.'];
    const summary = { ...corpus, title: command.title ?? corpus.title, ...counts, notices };
    say({ type: 'corpus', summary });
    say({ type: 'reset' });
    say({ type: 'state', state: 'idle', detail: '' });
    answer('configure', summary);
  }

  function obey(command: LabCommand): void {
    switch (command.type) {
      case 'configure':
        return configure(command);
      case 'train':
        say({ type: 'gpu', description: 'Scripted adapter', software: true });
        open();
        say({ type: 'state', state: 'running', detail: 'Training' });
        timer ??= setInterval(goOn, everyMs);
        return;
      case 'pause':
        if (timer !== undefined) look();
        say({ type: 'state', state: 'paused', detail: 'Paused' });
        halt();
        return answer('pause', undefined);
      case 'step':
        open();
        update();
        look();
        say({ type: 'state', state: 'paused', detail: 'Paused' });
        return answer('step', undefined);
      case 'reset':
        halt();
        isOpen = false;
        step = 0;
        say({ type: 'reset' });
        say({ type: 'state', state: 'idle', detail: '' });
        return answer('reset', undefined);
      case 'previewText':
        return answer('previewText', texts.preview(command));
      case 'readFiles':
        return void texts.read(command).then(
          (given) => answer('readFiles', given),
          ({ message }: Error) => {
            const error = { kind: 'badInput', message, action: 'The text you had before is kept.' } as const;
            reply('readFiles', { kind: 'failure', error });
          },
        );
      // What else concerns no run is answered by the tests themselves.
      default:
        return;
    }
  }

  const { Worker: RealWorker } = window;
  class ScriptedWorker {
    constructor(address: string | URL, options: WorkerOptions) {
      // The page has others, which do what they do.
      if (options.name !== 'lab') return new RealWorker(address, options);
    }
    addEventListener(type: string, listener: (message: { data: FromLab }) => void): void {
      if (type === 'message') listeners.push(listener);
    }
    postMessage(message: ToLab): void {
      const { id } = message;
      if (message.kind === 'stop') {
        const command = waiting.get(id);
        if (command) stopped.push(command.type);
        return;
      }
      const { command } = message;
      waiting.set(id, command);
      commands.push(command);
      // A step of the run that is on crosses with the command that ends it.
      if (command.type === 'configure' && timer !== undefined) setTimeout(update, 5);
      setTimeout(() => obey(command), 5);
    }
    terminate(): void {
      listeners.length = 0;
      halt();
    }
  }
  const playTo = (named: number): void => void (last = named);
  Object.assign(window, { Worker: ScriptedWorker, commands, stopped, say, reply, playTo });
}
