import { USUAL_STEPS } from '../../../run/handover/steps.ts';
import type { LabFile } from '../../../lab/door/views.ts';
import { downloadFile } from '../../components/downloadFile.ts';
import { bytes } from '../../components/format.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import type { Configuration } from '../../../settings/configuration.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import type { Draft } from '../settings/draft.svelte.ts';

/** What is taken out of the run that is on, as files: adapters, and all of it; and adapters that are put under it. */
export class TakeHome {
  /** What was put under the run that is on, in words; undefined where nothing was. */
  imported = $state<string>();
  /** How many times that was done. */
  imports = $state(0);
  /** Updates that a job is to have batches for, as typed. */
  steps = $state(USUAL_STEPS);
  /** The file that was handed out last, with its size. */
  handedOut = $state<string>();
  /** The job that was handed out last, likewise. */
  job = $state<string>();
  /** Whether the reader stopped the last job before it was packed. */
  wasStopped = $state(false);
  readonly requests: Requests;
  /** Adapters that the run that is on does not take; a run with other settings may. */
  private refused: readonly PathFile[] = [];

  constructor(
    private readonly session: Session,
    private readonly draft: Draft,
  ) {
    this.requests = new Requests(session);
    session.listen(({ type }) => {
      if (type !== 'opened') return;
      // Another run, or this one at its beginning: there is nothing under it yet.
      this.imported = undefined;
      this.imports = 0;
    });
  }

  async exportAdapters(): Promise<void> {
    this.handedOut = undefined;
    this.handedOut = handOut(await this.requests.ask({ type: 'exportAdapters' }));
  }

  async exportRun(): Promise<void> {
    this.handedOut = undefined;
    this.handedOut = handOut(await this.requests.ask({ type: 'exportRun' }));
  }

  /** All that the run needs to go on elsewhere, with batches for `steps` updates. */
  async handOver(): Promise<void> {
    this.job = undefined;
    this.wasStopped = false;
    this.job = handOut(await this.requests.ask({ type: 'handOver', steps: this.steps }));
  }

  /** Stops that. The run stays as it is. */
  stopHandOver(): void {
    this.requests.drop('handOver');
    this.wasStopped = true;
  }

  async importAdapters(files: readonly PathFile[]): Promise<void> {
    this.imported = undefined;
    // Adapters go under a run; the one that is chosen is prepared if none is on.
    await this.put(files, () => this.session.settle());
  }

  /** Begins a run with the settings that the adapters refused last ask for, and puts them under it. */
  async importIntoNewRun(settings: Partial<Configuration>): Promise<void> {
    this.imported = undefined;
    this.draft.change(settings);
    await this.put(this.refused, () => this.session.renew());
  }

  private async put(files: readonly PathFile[], before: () => Promise<void>): Promise<void> {
    const imported = await this.requests.ask({ type: 'importAdapters', files }, { before });
    this.imported = imported?.detail;
    if (imported) this.imports++;
    this.refused = imported ? [] : files;
  }
}

/** Gives a file to the browser's downloads. Returns its name and size; undefined where there is none. */
function handOut(file: LabFile | undefined): string | undefined {
  if (!file) return undefined;
  downloadFile(file.name, file.bytes);
  return `${file.name} (${bytes(file.bytes.byteLength)})`;
}
