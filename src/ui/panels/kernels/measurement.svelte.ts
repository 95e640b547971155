import type { Answers, CommandOf } from '../../../lab/door/protocol.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';
import { hasWebGpu } from '../../state/webGpu.ts';

type Measuring = 'measureDevice' | 'measureScaling' | 'measurePrecision' | 'tuneTiles';

export type AnyMeasurement = Pick<
  Measurement<Measuring>,
  'isMeasuring' | 'progress' | 'error' | 'gaveWay' | 'stop' | 'giveWay'
>;

/** Why nothing can be measured now. `problem`: of the settings, where it is measured for those. */
export function whyNotNow(session: Session, problem?: { readonly message: string }): string | undefined {
  if (!hasWebGpu) return 'Measuring needs WebGPU.';
  if (problem) return `A setting cannot be used: ${problem.message}`;
  return session.isBusy ? 'Pause the run first: two at work would measure each other.' : undefined;
}

/** Something that the lab measures on the GPU while nothing trains there: it goes on while its panel is closed. */
export abstract class Measurement<T extends Measuring> {
  /** Whether training ended the last measurement. */
  gaveWay = $state(false);

  private readonly requests: Requests;
  readonly isMeasuring = $derived.by(() => this.requests.isWaiting(this.type));
  readonly progress = $derived.by(() => (this.isMeasuring ? this.requests.progressOf(this.type) : undefined));
  readonly error = $derived.by(() => this.requests.errorOf(this.type));

  constructor(
    session: Session,
    private readonly type: T,
  ) {
    this.requests = new Requests(session);
  }

  /** Undefined where it came to nothing. */
  protected ask(command: CommandOf<T>): Promise<Answers[T] | undefined> {
    this.gaveWay = false;
    return this.requests.ask(command);
  }

  stop(): void {
    this.requests.stop(this.type);
  }

  /** Two at work would measure each other: what trains goes first. */
  giveWay(): void {
    if (!this.isMeasuring) return;
    this.gaveWay = true;
    this.stop();
  }
}
