import type { LabEvent } from '../../../lab/door/protocol.ts';
import type { AttributionView, InspectedBatch, PairView } from '../../../lab/door/views.ts';
import type { Moment } from '../../state/moment.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';

/** A pair of chunks, by their places in the batch of a step or in the one that stays the same. */
export interface PairWanted {
  readonly step: InspectedBatch['step'];
  readonly query: number;
  readonly context: number;
  /** From 0; undefined: the last that reads neighbours. */
  readonly layer: number | undefined;
}

/** Looks inside the live models: how the tokens of one chunk read another, and which neighbour a gain comes from. */
export class Inspect {
  /** The layer looked at, from 0; undefined: the last that reads neighbours. */
  layer = $state<number>();
  /** The head looked at, from 0; undefined: the mean of all. */
  head = $state<number>();
  pair = $state.raw<PairView>();
  attribution = $state.raw<AttributionView>();
  wasStopped = $state(false);
  readonly requests: Requests;
  readonly isLooking = $derived.by(() => this.requests.isWaiting('inspectPair'));
  readonly isAttributing = $derived.by(() => this.requests.isWaiting('attribute'));
  /** Share of the passes of an attribution that are done; undefined while none has begun. */
  readonly attributed = $derived.by(() => (this.isAttributing ? this.requests.progressOf('attribute') : undefined));

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
    session.listen((event) => this.hear(event));
  }

  /** Asks for a pair; one that was chosen before and is still waited for is given up. */
  async look({ step, query, context, layer }: PairWanted): Promise<void> {
    const command = { type: 'inspectPair', step, query, context, ...(layer === undefined ? {} : { layer }) } as const;
    const pair = await this.requests.askAnew(command);
    if (pair) this.pair = pair;
  }

  /** Asks which neighbours the gains in such a batch come from. */
  async attribute(step: InspectedBatch['step']): Promise<void> {
    this.wasStopped = false;
    const attribution = await this.requests.askAnew({ type: 'attribute', step });
    if (attribution) this.attribution = attribution;
  }

  stop(): void {
    this.requests.drop('attribute');
    this.wasStopped = true;
  }

  /** What is known of the batch that is shown. */
  attributionOf({ subject, step }: Pick<Moment, 'subject' | 'step'>): AttributionView | undefined {
    const { attribution, session } = this;
    const of = subject === 'probe' ? 'probe' : step;
    return session.kind === 'live' && attribution?.step === of ? attribution : undefined;
  }

  private hear({ type }: LabEvent): void {
    if (type !== 'reset' && type !== 'corpus') return;
    // Other models, other layers.
    this.requests.drop('inspectPair', 'attribute');
    this.pair = undefined;
    this.attribution = undefined;
    this.layer = undefined;
    this.head = undefined;
    this.wasStopped = false;
  }
}
