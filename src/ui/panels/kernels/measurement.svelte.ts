import type { Answers, CommandOf } from '../../../lab/door/protocol.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';

/** Something that the lab measures on the GPU while nothing trains there: it goes on while its panel is closed. */
export abstract class Measurement<T extends 'measureDevice' | 'measureScaling' | 'measurePrecision' | 'tuneTiles'> {
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
