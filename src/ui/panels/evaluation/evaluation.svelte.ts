import { endsLab } from '../../../lab/door/labError.ts';
import type { LabEvent } from '../../../lab/door/protocol.ts';
import type { EncoderView } from '../../../lab/door/encoderViews.ts';
import type {
  CollectionSource,
  CollectionView,
  EvaluationFile,
  EvaluationProgress,
  EvaluationTable,
  QueryFilter,
  QueryPage,
  RankedListsView,
  SystemRequest,
} from '../../../lab/door/evaluationViews.ts';
import { downloadFile } from '../../components/downloadFile.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import type { Draft } from '../settings/draft.svelte.ts';
import { lastBeside } from './words.ts';

/** Queries of a page, and documents of a list, that are shown. */
const PAGE_QUERIES = 20;
const LISTED = 10;

/** Commands that what is on the page hangs on. */
const LOOKS = ['evaluationTable', 'evaluationQueries', 'rankedLists'] as const;

/** A labelled collection, what was measured on it, and what of that is looked at. */
export class Evaluation {
  collection = $state.raw<CollectionView>();
  table = $state.raw<EvaluationTable>();
  /** What all systems are compared with; undefined: the first. */
  reference = $state<string>();
  measure = $state<string>();
  /** The system whose queries are looked at. */
  system = $state<string>();
  filter = $state<QueryFilter>('losses');
  page = $state.raw<QueryPage>();
  /** What was found for the query that is looked at. */
  lists = $state.raw<RankedListsView>();
  /** Systems still to be measured, the first of them now. */
  waiting = $state.raw<readonly SystemRequest[]>([]);
  /** The pretrained encoder that is open; undefined where none is. */
  encoder = $state.raw<EncoderView>();
  /** What became of the last request, in words. */
  remark = $state<string>();
  readonly requests: Requests;
  readonly isOpening = $derived.by(() => this.requests.isWaiting('openCollection'));
  readonly isMeasuring = $derived.by(() => this.waiting.length > 0 || this.requests.isWaiting('importRankings'));

  constructor(
    private readonly session: Session,
    private readonly draft: Draft,
  ) {
    this.requests = new Requests(session);
    session.listen((event) => this.hear(event));
  }

  /** What is under way, where anything is. */
  get progress(): EvaluationProgress | undefined {
    const { requests } = this;
    const type = (['openCollection', 'importRankings', 'evaluateSystem'] as const).find((one) =>
      requests.isWaiting(one),
    );
    return type && requests.progressOf(type);
  }

  /** Opens a collection in the place of the one that is open, which stays if this one cannot be read. */
  async open(source: CollectionSource): Promise<void> {
    this.stop();
    this.remark = undefined;
    const collection = await this.requests.askAnew({ type: 'openCollection', source });
    if (!collection) return;
    this.clear();
    this.collection = collection;
    await this.refresh();
  }

  openFiles(files: readonly PathFile[], split: string): Promise<void> {
    return this.open({ from: 'files', files, split: split.trim() });
  }

  /** The text as it stands on the page. */
  openText(): Promise<void> {
    const { title, ...text } = this.session.reader.present;
    return this.open({ from: 'text', text, title: title || 'The text', configuration: this.draft.configuration });
  }

  async close(): Promise<void> {
    this.stop();
    this.clear();
    await this.requests.ask({ type: 'closeCollection' });
  }

  /** Measures systems one after the other; what fails is told, and ends it. Those measured by then stay. */
  async evaluate(systems: readonly SystemRequest[]): Promise<void> {
    if (this.isMeasuring || systems.length === 0) return;
    this.remark = undefined;
    const all = (this.waiting = [...systems]);
    let last: string | undefined;
    while (this.waiting.length > 0) {
      const [system] = this.waiting;
      if (!system) break;
      const answer = await this.requests.ask(
        { type: 'evaluateSystem', system },
        { before: () => (needsRun(system) ? this.session.settle() : Promise.resolve()) },
      );
      if (!answer) {
        if (this.waiting.length > 0) this.waiting = [];
        break;
      }
      last = answer.id;
      this.waiting = this.waiting.slice(1);
      await this.refresh();
    }
    if (last !== undefined) {
      this.remark = all.length === 1 ? `${last} is measured.` : 'Measured.';
      if (last !== this.table?.reference) await this.look(last);
    }
  }

  async importRankings(files: readonly PathFile[]): Promise<void> {
    this.remark = undefined;
    const answer = await this.requests.ask({ type: 'importRankings', files });
    if (!answer) return;
    this.remark = `Taken from files: ${answer.ids.join(', ')}.`;
    await this.refresh();
  }

  /** Ends what is read or measured; what was measured before stays. */
  stop(): void {
    if (this.isMeasuring || this.isOpening) this.remark = 'Stopped. What was measured before stays.';
    this.waiting = [];
    this.requests.stop('evaluateSystem');
    this.requests.stop('importRankings');
    this.requests.drop('openCollection');
  }

  async compareWith(reference: string): Promise<void> {
    this.reference = reference;
    await this.refresh();
  }

  async by(measure: string): Promise<void> {
    this.measure = measure;
    await this.refresh();
  }

  async forget(id: string): Promise<void> {
    await this.requests.ask({ type: 'forgetSystem', id });
    if (this.system === id) this.system = undefined;
    if (this.reference === id) this.reference = undefined;
    this.lists = undefined;
    await this.refresh();
  }

  /** The queries of a system beside the reference. */
  async look(system: string, filter = this.filter, from = 0): Promise<void> {
    if (system !== this.system) this.lists = undefined;
    this.system = system;
    this.filter = filter;
    const command = { type: 'evaluationQueries', system, filter, from, limit: PAGE_QUERIES } as const;
    const page = await this.requests.askAnew({ ...command, ...this.beside() });
    if (page) this.page = page;
  }

  /** What the reference and the system looked at found for a query. */
  async list(query: string): Promise<void> {
    const { reference } = this.table ?? {};
    const systems = [reference, this.system].filter((id) => id !== undefined);
    const lists = await this.requests.askAnew({ type: 'rankedLists', query, systems, limit: LISTED });
    if (lists) this.lists = lists;
  }

  /** Hands a file to the browser's downloads. */
  async download(file: EvaluationFile): Promise<void> {
    const made = await this.requests.ask({ type: 'exportEvaluation', file, ...this.beside() });
    if (made) downloadFile(made.name, made.bytes);
  }

  /** Takes text of the collection's field, without labels, as the text to train on. */
  async takeTrainingText(id: string, title: string): Promise<void> {
    const text = await this.requests.ask({ type: 'trainingText', id });
    if (text) this.session.takeText({ title, ...text }, 'file');
  }

  private beside(): { readonly reference?: string; readonly measure?: string } {
    const { reference, measure } = this;
    return { ...(reference !== undefined && { reference }), ...(measure !== undefined && { measure }) };
  }

  private async refresh(): Promise<void> {
    const table = await this.requests.askAnew({ type: 'evaluationTable', ...this.beside() });
    if (!table) return;
    this.table = table;
    const ids = table.systems.map(({ id }) => id);
    if (this.system === undefined || !ids.includes(this.system) || this.system === table.reference)
      this.system = lastBeside(table.systems, table.reference);
    this.lists = undefined;
    if (this.system === undefined) this.page = undefined;
    else await this.look(this.system, this.filter, this.page?.from);
  }

  private clear(): void {
    this.requests.drop(...LOOKS);
    this.collection = undefined;
    this.table = undefined;
    this.reference = undefined;
    this.system = undefined;
    this.page = undefined;
    this.lists = undefined;
  }

  private hear(event: LabEvent): void {
    if (event.type === 'encoders') this.encoder = event.encoders.open;
    // After a bug the lab is another one, which knows nothing of the collection.
    if (event.type !== 'lost' || !endsLab(event.error)) return;
    this.encoder = undefined;
    if (!this.collection) return;
    this.clear();
    this.waiting = [];
    this.remark = 'The lab had to begin anew, and the table with it. Open the collection again.';
  }
}

/** Whether it is the run's retriever that is measured, or stands under what is. */
function needsRun(system: SystemRequest): boolean {
  const name = 'of' in system ? system.of : system.name;
  return name === 'run' || name === 'untrained';
}
