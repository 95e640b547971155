import type {
  Budget,
  ComparisonEntry,
  ComparisonPlan,
  ComparisonReport,
} from '../../../../lab/door/comparisonViews.ts';
import type { LabError } from '../../../../lab/door/labError.ts';
import { downloadFile } from '../../../components/downloadFile.ts';
import { Requests } from '../../../state/requests.svelte.ts';
import type { Session } from '../../../state/session.svelte.ts';

/** A comparison that a file describes. */
export interface FileDefinition {
  readonly name: string;
  readonly definition: unknown;
}

/** Files of definitions are a few hundred bytes. */
const LARGEST_FILE = 1_000_000;

/** Comparisons of several runs at one budget: the one that runs, those that are kept, and the one that is shown. */
export class FairComparisons {
  /** Newest first; undefined until the lab has answered. */
  kept = $state.raw<readonly ComparisonEntry[]>();
  report = $state.raw<ComparisonReport>();
  /** What the definition at hand would cost. */
  plan = $state.raw<ComparisonPlan>();
  /** In place of the form. */
  file = $state.raw<FileDefinition>();
  fileProblem = $state.raw<Pick<LabError, 'message' | 'action'>>();
  readonly requests: Requests;
  readonly isRunning = $derived.by(
    () => this.requests.isWaiting('compare') || this.requests.isWaiting('resumeComparison'),
  );
  /** How far the one that runs is. */
  readonly told = $derived.by(() => {
    if (!this.isRunning) return undefined;
    return this.requests.progressOf(this.requests.isWaiting('compare') ? 'compare' : 'resumeComparison');
  });
  /** What was stopped, here or by a reload. */
  readonly unfinished = $derived.by(() => (this.isRunning ? [] : (this.kept ?? []).filter(({ canGoOn }) => canGoOn)));

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
  }

  async refresh(): Promise<void> {
    const kept = await this.requests.askAnew({ type: 'comparisons' });
    if (kept) this.kept = kept;
  }

  /** Asks what a definition would cost; what is wrong with it is then to be had from `requests`. */
  async estimate(definition: unknown): Promise<void> {
    this.plan = undefined;
    const plan = await this.requests.askAnew({ type: 'planComparison', definition, ...this.own(definition) });
    if (plan) this.plan = plan;
  }

  async start(definition: unknown): Promise<void> {
    const making = this.requests.ask(
      { type: 'compare', definition, ...this.own(definition) },
      { onProgress: ({ report }) => report && (this.report = report) },
    );
    await this.ended(making);
  }

  async goOn(id: string): Promise<void> {
    if (this.report?.id !== id) this.report = undefined;
    const making = this.requests.ask(
      { type: 'resumeComparison', id },
      { onProgress: ({ report }) => report && (this.report = report) },
    );
    await this.ended(making);
  }

  /** After the step under way. */
  stop(): void {
    this.requests.stop('compare');
    this.requests.stop('resumeComparison');
  }

  async show(id: string): Promise<void> {
    const report = await this.requests.askAnew({ type: 'readComparison', id });
    if (report) this.report = report;
  }

  async delete(id: string): Promise<void> {
    const kept = await this.requests.ask({ type: 'deleteComparison', id });
    if (!kept) return;
    this.kept = kept;
    if (this.report?.id === id) this.report = undefined;
  }

  async export(id: string, format: 'json' | 'tsv' | 'svg', axis: Budget): Promise<void> {
    const file = await this.requests.ask({ type: 'exportComparison', id, format, axis });
    if (file) downloadFile(file.name, file.bytes);
  }

  /** Takes a file as the command line takes it; what it says is judged when its cost is asked for. */
  async open(file: File): Promise<void> {
    this.fileProblem = undefined;
    const action = 'Choose a file as docs/EVALUATION.md describes it. What was there before is kept.';
    if (file.size > LARGEST_FILE) {
      this.fileProblem = { message: `${file.name} is too large for what describes a comparison.`, action };
      return;
    }
    try {
      this.file = { name: file.name, definition: JSON.parse(await file.text()) as unknown };
    } catch (cause) {
      this.fileProblem = {
        message: `${file.name} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}.`,
        action,
      };
    }
  }

  private async ended(making: Promise<ComparisonReport | undefined>): Promise<void> {
    const report = await making;
    if (report) this.report = report;
    await this.refresh();
  }

  /** The reader's text, where a definition reads it. */
  private own(definition: unknown) {
    const { settings } = (definition ?? {}) as { readonly settings?: { readonly source?: unknown } };
    if (settings?.source !== 'text') return {};
    const { title, ...text } = this.session.reader.present;
    return { text, title: title || 'The text' };
  }
}
