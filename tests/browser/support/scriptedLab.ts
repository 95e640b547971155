import type { Page } from '@playwright/test';
import type { LabCommand, LabEvent } from '../../../src/lab/door/protocol.ts';
import type { CorpusSummary, StepRecord } from '../../../src/run/record.ts';
import { inventedRun, inventedStep } from './inventedRun.ts';

interface Script {
  readonly records: readonly StepRecord[];
  readonly corpus: CorpusSummary;
  readonly everyMs: number;
}

/**
 * Replaces the page's worker by one that plays a script, so that what the page makes of the lab's events can be tested
 * quickly and exactly. Commands it was sent are in `window.commands`; `window.say(event)` sends the page any event.
 */
export async function scriptLab(page: Page, everyMs = 25): Promise<void> {
  const records = Array.from({ length: 60 }, (_, i) => inventedStep(1 + 8 * i));
  await page.addInitScript(install, { records, corpus: inventedRun(1).corpus, everyMs } satisfies Script);
}

/** What the tests find in the page. */
export interface ScriptedWindow extends Window {
  commands: LabCommand[];
  say(event: LabEvent): void;
}

/** Runs in the page, so it stands alone. */
function install({ records, corpus, everyMs }: Script): void {
  const listeners: ((message: { data: LabEvent }) => void)[] = [];
  const commands: LabCommand[] = [];
  const say = (event: LabEvent): void => listeners.forEach((listener) => listener({ data: event }));
  let step = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  function update(): void {
    const record = records[step++ % records.length];
    if (record) say({ type: 'step', record: { ...record, metrics: { ...record.metrics, step } } });
    if (step % 50 !== 0 || !record) return;
    const { recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments } = record.metrics;
    const evaluation = { step, recallAt1, chance, ntpLoss, isolatedLoss, effectiveDocuments, tfidfRecallAt1: 0.9 };
    say({ type: 'evaluation', evaluation });
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
        timer ??= setInterval(update, everyMs);
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
      setTimeout(() => obey(command), 5);
    }
    terminate(): void {
      halt();
      listeners.length = 0;
    }
  }
  Object.assign(window, { Worker: ScriptedWorker, commands, say });
}
