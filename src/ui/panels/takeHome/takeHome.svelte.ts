import type { LabFile } from '../../../lab/door/views.ts';
import { downloadFile } from '../../components/downloadFile.ts';
import { bytes } from '../../components/format.ts';
import type { PathFile } from '../../components/droppedFiles.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';

/** What is taken out of the run that is on, as files: adapters, and all of it; and adapters that are put under it. */
export class TakeHome {
  /** What the last import put under the run, in words. */
  imported = $state<string>();
  /** The file that was handed out last, with its size. */
  handedOut = $state<string>();
  readonly requests: Requests;

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
  }

  async exportAdapters(): Promise<void> {
    this.handedOut = undefined;
    this.handOut(await this.requests.ask({ type: 'exportAdapters' }));
  }

  async exportRun(): Promise<void> {
    this.handedOut = undefined;
    this.handOut(await this.requests.ask({ type: 'exportRun' }));
  }

  async importAdapters(files: readonly PathFile[]): Promise<void> {
    this.imported = undefined;
    // Adapters go under a run; the one that is chosen is prepared if none is on.
    const before = (): Promise<void> => this.session.settle();
    const imported = await this.requests.ask({ type: 'importAdapters', files }, { before });
    this.imported = imported?.detail;
  }

  private handOut(file: LabFile | undefined): void {
    if (!file) return;
    downloadFile(file.name, file.bytes);
    this.handedOut = `${file.name} (${bytes(file.bytes.byteLength)})`;
  }
}
