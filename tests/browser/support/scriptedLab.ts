import type { Page } from '@playwright/test';
import type { LabCommand, LabEvent } from '../../../src/lab/door/protocol.ts';
import type { CorpusSummary, Evaluation, StepRecord } from '../../../src/run/record.ts';
import { inventedRun, inventedStep } from './inventedRun.ts';

interface Script {
  readonly records: readonly StepRecord[];
  readonly corpus: CorpusSummary;
  readonly lastStep: number;
  readonly everyMs: number;
}

/** Pictures of this many steps are all kept: a run that nobody told where to stand stands before they are thinned. */
const LAST_STEP = 60;
/** Longer than the page takes for a step on any machine would make tests slow; how many steps come does not depend on it. */
const EVERY_MS = 10;

/**
 * Replaces the page's worker by one that plays a script, so that what the page makes of the lab's events can be tested
 * quickly and exactly. Commands it was sent are in `window.commands`; `window.say(event)` sends the page any event.
 *
 * A run that is on makes its steps up to `lastStep`, and there waits, so that no test depends on how fast the machine is:
 * `window.playTo(step)` names another one.
 */
export async function scriptLab(page: Page, lastStep = LAST_STEP): Promise<void> {
  const records = Array.from({ length: LAST_STEP }, (_, i) => inventedStep(1 + 8 * i));
  const { corpus } = inventedRun(1);
  await page.addInitScript(install, { records, corpus, lastStep, everyMs: EVERY_MS } satisfies Script);
}

/** What the tests find in the page. */
export interface ScriptedWindow extends Window {
  commands: LabCommand[];
  say(event: LabEvent): void;
  playTo(step: number): void;
}

/** Runs in the page, so it stands alone. */
function install({ records, corpus, lastStep, everyMs }: Script): void {
  const listeners: ((message: { data: LabEvent }) => void)[] = [];
  const commands: LabCommand[] = [];
  const say = (event: LabEvent): void => listeners.forEach((listener) => listener({ data: event }));
  let step = 0;
  let last = lastStep;
  let timer: ReturnType<typeof setInterval> | undefined;

  function update(): void {
    const record = records[step++ % records.length];
    if (record) say({ type: 'step', record: { ...record, metrics: { ...record.metrics, step } } });
    if (step % 50 !== 0 || !record) return;
    const { recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments } = record.metrics as unknown as Evaluation;
    const evaluation = { step, recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments, tfidfRecallAt1: 0.9 };
    say({ type: 'evaluation', evaluation });
  }

  function goOn(): void {
    if (step < last) update();
  }

  function halt(): void {
    clearInterval(timer);
    timer = undefined;
  }

  function configure(command: Extract<LabCommand, { type: 'configure' }>): void {
    halt();
    if (command.text !== undefined && /^\s*$|\0/.test(command.text)) {
      const message = `${command.title ?? 'The text'} is not plain text.`;
      say({ type: 'error', error: { kind: 'badInput', message, action: 'Save it as .txt or .md in UTF-8.' } });
      return;
    }
    step = 0;
    say({ type: 'state', state: 'preparing', detail: 'Cutting the text into chunks', progress: 0.5 });
    const counts = command.configuration.source === 'facts' ? {} : { documents: 12, chunks: 96 };
    const notices = command.text === undefined ? [] : ['A notice about the text.'];
    say({ type: 'corpus', summary: { ...corpus, title: command.title ?? corpus.title, ...counts, notices } });
    say({ type: 'state', state: 'idle', detail: '' });
  }

  function obey(command: LabCommand): void {
    switch (command.type) {
      case 'configure':
        return configure(command);
      case 'train':
        say({ type: 'adapter', description: 'Scripted adapter', software: true });
        say({ type: 'state', state: 'running', detail: 'Training' });
        timer ??= setInterval(goOn, everyMs);
        return;
      case 'pause':
        halt();
        return say({ type: 'state', state: 'paused', detail: 'Paused' });
      case 'step':
        update();
        return say({ type: 'state', state: 'paused', detail: 'Paused' });
      case 'reset':
        halt();
        step = 0;
        say({ type: 'reset' });
        return say({ type: 'state', state: 'idle', detail: '' });
      // What concerns no run is answered by the tests themselves.
      default:
        return;
    }
  }

  class ScriptedWorker {
    addEventListener(type: string, listener: (message: { data: LabEvent }) => void): void {
      if (type === 'message') listeners.push(listener);
    }
    postMessage(command: LabCommand): void {
      commands.push(command);
      // A step of the run that is on crosses with the command that ends it.
      if (command.type === 'configure' && timer !== undefined) setTimeout(update, 5);
      setTimeout(() => obey(command), 5);
    }
    terminate(): void {
      halt();
      listeners.length = 0;
    }
  }
  const playTo = (named: number): void => void (last = named);
  Object.assign(window, { Worker: ScriptedWorker, commands, say, playTo });
}
