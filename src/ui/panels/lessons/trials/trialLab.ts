import { openLab, type LabClient } from '../../../../lab/door/client.ts';
import { LabFailure, STOPPED, WORKER_LOST, type LabError } from '../../../../lab/door/labError.ts';
import type { LabEvent } from '../../../../lab/door/protocol.ts';
import type { CorpusSummary } from '../../../../run/record.ts';
import type { Configuration } from '../../../../settings/configuration.ts';
import { Follower, type Observed } from '../numbers/observed.ts';

export interface TrialOptions {
  readonly signal: AbortSignal;
  /** Hears everything on the way, with the text once that is known. */
  readonly onEvent: (event: LabEvent, corpus: CorpusSummary | undefined) => void;
}

/** After so long without a trial its GPU memory is given back; the next one then compiles its kernels again. */
const IDLE_MS = 180_000;

/**
 * A lab of the lessons' own, started when needed: what is tried in it leaves the reader's run, its weights and the library alone.
 */
export class TrialLab {
  private lab: LabClient | undefined;
  private idle: ReturnType<typeof setTimeout> | undefined;
  private listener: ((event: LabEvent) => void) | undefined;

  /** Makes exactly `steps` updates from untrained models. @throws LabFailure, of kind 'stopped' where the signal says so. */
  async run(configuration: Configuration, steps: number, { signal, onEvent }: TrialOptions): Promise<Observed> {
    const follower = new Follower(configuration);
    let corpus: CorpusSummary | undefined;
    this.listener = (event) => {
      if (event.type === 'corpus') corpus = event.summary;
      if (event.type === 'step' || event.type === 'evaluation' || event.type === 'probe') follower.hear(event);
      if (event.type === 'lost') this.close(event.error);
      if (event.type === 'silent' && event.isSilent) this.close(WORKER_LOST);
      onEvent(event, corpus);
    };
    clearTimeout(this.idle);
    const lab = (this.lab ??= openLab((event) => this.listener?.(event)));
    try {
      await lab.ask({ type: 'configure', configuration }, { signal });
      await lab.ask({ type: 'train', steps }, { signal });
    } finally {
      this.idle = setTimeout(() => this.close(), IDLE_MS);
    }
    if (signal.aborted) throw new LabFailure(STOPPED);
    return follower.observed;
  }

  /** Gives back what it holds on the GPU. */
  close(why?: LabError): void {
    clearTimeout(this.idle);
    this.lab?.close(why);
    this.lab = undefined;
  }
}
