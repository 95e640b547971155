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
 * `window.playTo(step)` names another one. One that was asked for so many steps makes them and rests.
 * A GPU is found (`navigator.gpu.requestAdapter`), unless `withoutGpu`.
 */
export async function scriptLab(
  page: Page,
  {
    lastStep = LAST_STEP,
    kernels,
    withoutGpu = false,
  }: { lastStep?: number | undefined; kernels?: KernelsView | undefined; withoutGpu?: boolean | undefined } = {},
): Promise<void> {
  const records = Array.from({ length: LAST_STEP }, (_, i) => inventedStep(1 + 8 * i));
  const { corpus } = inventedRun(1);
  // A step stands for eight of the invented run; the probe is looked at as often.
  const probe = inventedProbe(Array.from({ length: LAST_STEP / PROBE_EVERY + 1 }, (_, i) => 8 * PROBE_EVERY * i));
  await page.addInitScript(
    (adapter) => {
      if ('gpu' in navigator) navigator.gpu.requestAdapter = () => Promise.resolve(adapter as GPUAdapter | null);
    },
    withoutGpu ? null : {},
  );
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
  const commands: LabCommand[] = [];
  const stopped: CommandType[] = [];
  const labs: ScriptedWorker[] = [];
  const { texts } = window as unknown as { readonly texts: ScriptedTexts };
  let opened = 0;
  let last = lastStep;

  const { Worker: RealWorker } = window;

  /** Each worker is a lab of its own, with its own run. */
  class ScriptedWorker {
    private listeners: ((message: { data: FromLab }) => void)[] = [];
    /** What is not answered yet, in the order it was sent. */
    readonly waiting = new Map<number, LabCommand>();
    private step = 0;
    private isOpen = false;
    /** Where a run stops by itself, and is then at rest: of a train command that says so. */
    private end: number | undefined;
    private timer: ReturnType<typeof setInterval> | undefined;

    constructor(address: string | URL, options: WorkerOptions) {
      // The page has others, which do what they do.
      if (options.name !== 'lab') return new RealWorker(address, options) as unknown as ScriptedWorker;
      labs.push(this);
    }

    addEventListener(type: string, listener: (message: { data: FromLab }) => void): void {
      if (type === 'message') this.listeners.push(listener);
    }

    postMessage(message: ToLab): void {
      if (message.kind === 'beat') return void setTimeout(() => this.send({ kind: 'beat' }), 5);
      const { id } = message;
      if (message.kind === 'stop') {
        const command = this.waiting.get(id);
        if (command) stopped.push(command.type);
        return;
      }
      const { command } = message;
      // The page asks for it by itself, and shows nothing of it.
      if (command.type === 'warmUp') return this.send({ kind: 'answer', id, answer: { kernels: 0 } });
      if (command.type === 'tuneTiles' && !command.anew) return this.send({ kind: 'answer', id, answer: { left: 0 } });
      this.waiting.set(id, command);
      commands.push(command);
      // A step of the run that is on crosses with the command that ends it.
      if (command.type === 'configure' && this.timer !== undefined) setTimeout(() => this.update(), 5);
      setTimeout(() => this.obey(command), 5);
    }

    terminate(): void {
      this.listeners = [];
      this.halt();
    }

    say(event: LabEvent): void {
      this.send({ kind: 'event', event });
    }

    reply(type: CommandType, what: Reply): boolean {
      const id = [...this.waiting.keys()].filter((key) => this.waiting.get(key)?.type === type).at(-1);
      if (id === undefined) return false;
      if (what.kind !== 'progress') this.waiting.delete(id);
      if (type === 'train') this.rest();
      this.send({ ...what, id });
      return true;
    }

    private send(message: FromLab): void {
      this.listeners.forEach((listener) => listener({ data: message }));
    }

    private update(): void {
      const record = records[this.step++ % records.length];
      const { step } = this;
      if (kernels) this.answer('profileStep', kernels);
      if (record) this.say({ type: 'step', record: { ...record, metrics: { ...record.metrics, step } } });
      if (step % probeEvery === 0) this.look();
      if (step % 50 !== 0 || !record) return;
      const { recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments } = record.metrics as unknown as Evaluation;
      const evaluation = { step, recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments, tfidfRecallAt1: 0.9 };
      this.say({ type: 'evaluation', evaluation });
    }

    /** At the batch that stays the same, after the steps made so far. */
    private look(): void {
      const { step } = this;
      const { of, batch, records: looks } = probe;
      const record = looks[Math.floor(step / probeEvery) % looks.length];
      if (record) this.say({ type: 'probe', of, batch, record: { ...record, metrics: { ...record.metrics, step } } });
    }

    /** Before the first step of a run. */
    private open(): void {
      if (this.isOpen) return;
      this.say({ type: 'opened', id: `run-${++opened}` });
      this.isOpen = true;
      if (this.step === 0) this.look();
    }

    private goOn(): void {
      if (this.step < (this.end ?? last)) this.update();
      if (this.step !== this.end) return;
      this.look();
      this.say({ type: 'state', state: 'paused', detail: 'Paused' });
      this.halt();
    }

    /** Answers all that was asked of one type. */
    private answer<T extends CommandType>(type: T, what: Answers[T]): void {
      for (const [id, command] of this.waiting) {
        if (command.type !== type) continue;
        this.waiting.delete(id);
        this.send({ kind: 'answer', id, answer: what });
      }
    }

    private rest(): void {
      clearInterval(this.timer);
      this.timer = undefined;
    }

    private halt(): void {
      this.rest();
      this.answer('train', undefined);
    }

    private configure(command: CommandOf<'configure'>): void {
      this.halt();
      const { refusal } = window as unknown as ScriptedWindow;
      if (refusal) return void this.reply('configure', { kind: 'failure', error: refusal });
      if (command.text?.files.some(({ text }) => /^\s*$|\0/.test(text))) {
        const message = `${command.title ?? 'The text'} is not plain text.`;
        const error = { kind: 'badInput', message, action: 'Save it as .txt or .md in UTF-8.' } as const;
        return void this.reply('configure', { kind: 'failure', error });
      }
      this.isOpen = false;
      this.step = 0;
      this.say({ type: 'state', state: 'preparing', detail: 'Cutting the text into chunks', progress: 0.5 });
      const counts = command.configuration.source === 'facts' ? {} : { documents: 12, chunks: 96 };
      const notices = command.text === undefined ? [] : ['A notice about the text.'];
      const summary = { ...corpus, title: command.title ?? corpus.title, ...counts, notices };
      this.say({ type: 'corpus', summary });
      this.say({ type: 'reset' });
      this.say({ type: 'state', state: 'idle', detail: '' });
      this.answer('configure', summary);
    }

    private obey(command: LabCommand): void {
      switch (command.type) {
        case 'configure':
          return this.configure(command);
        case 'train':
          this.say({ type: 'gpu', description: 'Scripted adapter', software: true, hasSubgroups: false });
          this.open();
          this.say({ type: 'state', state: 'running', detail: 'Training' });
          this.end = command.steps === undefined ? undefined : this.step + command.steps;
          this.timer ??= setInterval(() => this.goOn(), everyMs);
          return;
        case 'pause':
          if (this.timer !== undefined) this.look();
          this.say({ type: 'state', state: 'paused', detail: 'Paused' });
          this.halt();
          return this.answer('pause', undefined);
        case 'step':
          this.open();
          this.update();
          this.look();
          this.say({ type: 'state', state: 'paused', detail: 'Paused' });
          return this.answer('step', undefined);
        case 'reset':
          this.halt();
          this.isOpen = false;
          this.step = 0;
          this.say({ type: 'reset' });
          this.say({ type: 'state', state: 'idle', detail: '' });
          return this.answer('reset', undefined);
        case 'previewText':
          return this.answer('previewText', texts.preview(command));
        case 'readFiles':
          return void texts.read(command).then(
            (given) => this.answer('readFiles', given),
            ({ message }: Error) => {
              const error = { kind: 'badInput', message, action: 'The text you had before is kept.' } as const;
              this.reply('readFiles', { kind: 'failure', error });
            },
          );
        // What else concerns no run is answered by the tests themselves.
        default:
          return;
      }
    }
  }

  const playTo = (named: number): void => void (last = named);
  const say = (event: LabEvent): void => labs.forEach((lab) => lab.say(event));
  const reply = (type: CommandType, what: Reply): void => {
    if (!labs.toReversed().some((lab) => lab.reply(type, what))) throw new Error(`The page waits for no ${type}.`);
  };
  Object.assign(window, { Worker: ScriptedWorker, commands, stopped, say, reply, playTo });
}
