import type { AttributionView, LabEvent, PairView } from '../../../lab/door/protocol.ts';
import type { StepRecord } from '../../../run/record.ts';
import { Requests } from '../../state/requests.svelte.ts';
import type { Session } from '../../state/session.svelte.ts';

/** A pair of chunks, by their places in the batch of a step. */
export interface PairWanted {
  readonly step: number;
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
  /** Share of the passes of an attribution that are done; undefined while none has begun. */
  attributed = $state<number>();
  wasStopped = $state(false);
  readonly requests = new Requests();
  readonly isLooking = $derived(this.requests.isWaiting('inspectPair'));
  readonly isAttributing = $derived(this.requests.isWaiting('attribute'));

  /** What was chosen while the lab was still at the pair before. */
  private next: PairWanted | undefined;

  constructor(private readonly session: Session) {
    session.listen((event) => this.hear(event));
  }

  /** Asks for a pair, one at a time: of those chosen meanwhile, the last. */
  look(wanted: PairWanted): void {
    if (this.isLooking) {
      this.next = wanted;
      return;
    }
    this.next = undefined;
    this.requests.begin('inspectPair');
    const { step, query, context, layer } = wanted;
    this.session.send({ type: 'inspectPair', step, query, context, ...(layer === undefined ? {} : { layer }) });
  }

  /** Asks which neighbours the gains in the batch of a step come from. */
  attribute(step: number): void {
    if (this.isAttributing) return;
    this.wasStopped = false;
    this.attributed = undefined;
    this.requests.begin('attribute');
    this.session.send({ type: 'attribute', step });
  }

  stop(): void {
    this.session.send({ type: 'stopInspection' });
    this.requests.end('attribute');
    this.attributed = undefined;
    this.wasStopped = true;
  }

  /** What is known of the batch that a record shows. */
  attributionOf(record: StepRecord | undefined): AttributionView | undefined {
    const { attribution, session } = this;
    return session.kind === 'live' && attribution?.step === record?.metrics.step ? attribution : undefined;
  }

  private hear(event: LabEvent): void {
    this.requests.hear(event);
    switch (event.type) {
      case 'inspected':
        this.pair = event.pair;
        this.requests.end('inspectPair');
        this.goOn();
        break;
      case 'attributing':
        if (this.isAttributing) this.attributed = event.fraction;
        break;
      case 'attributed':
        if (!this.isAttributing) break;
        this.attribution = event.attribution;
        this.requests.end('attribute');
        break;
      case 'error':
        if (event.error.command === 'inspectPair') this.goOn();
        break;
      case 'reset':
      case 'corpus':
      case 'resumed':
        // Other models, other layers.
        this.pair = undefined;
        this.attribution = undefined;
        this.layer = undefined;
        this.head = undefined;
        this.next = undefined;
        this.wasStopped = false;
        this.requests.end('inspectPair', 'attribute');
        break;
      default:
        break;
    }
  }

  private goOn(): void {
    if (this.next) this.look(this.next);
  }
}
