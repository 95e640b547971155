import { AXES, type Axis, type ScalingReport } from '../../../../run/scaling/report.ts';
import { Requests } from '../../../state/requests.svelte.ts';
import type { Session } from '../../../state/session.svelte.ts';
import type { Configuration } from '../../../../settings/configuration.ts';

const kept = new WeakMap<Session, Scaling>();

/** The measurements of a session: they stay when the panel is closed, and go on meanwhile. */
export function scalingOf(session: Session): Scaling {
  const found = kept.get(session) ?? new Scaling(session);
  kept.set(session, found);
  return found;
}

/** What steps cost as something grows, as the lab measured it last. */
export class Scaling {
  /** Along which axes is measured. */
  readonly chosen = $state<Record<Axis, boolean>>({ chunks: true, chunkTokens: false, rank: false });
  private measured = $state.raw<ScalingReport>();
  /** Whether training ended the last measurement. */
  gaveWay = $state(false);

  private readonly requests: Requests;
  readonly isMeasuring = $derived.by(() => this.requests.isWaiting('measureScaling'));
  readonly progress = $derived.by(() => (this.isMeasuring ? this.requests.progressOf('measureScaling') : undefined));
  readonly error = $derived.by(() => this.requests.errorOf('measureScaling'));
  /** What there is: of the measurement under way, as far as that has come. */
  readonly report: ScalingReport | undefined = $derived.by(() => {
    const soFar = this.progress?.report;
    return soFar?.curves.some(({ points }) => points.length > 0) ? soFar : this.measured;
  });
  readonly axes: readonly Axis[] = $derived.by(() => AXES.filter((axis) => this.chosen[axis]));

  constructor(private readonly session: Session) {
    this.requests = new Requests(session);
  }

  /** Measures with these settings where they are not what grows. */
  async measure(configuration: Configuration): Promise<void> {
    const { axes } = this;
    const { title, ...given } = this.session.reader.present;
    const own = configuration.source === 'text' ? { text: given, title: title || 'The text' } : {};
    this.gaveWay = false;
    const report = await this.requests.ask({ type: 'measureScaling', configuration, axes, ...own });
    if (report?.curves.some(({ points }) => points.length > 0)) this.measured = report;
  }

  stop(): void {
    this.requests.stop('measureScaling');
  }

  /** Two at work would measure each other: what trains goes first. */
  giveWay(): void {
    if (!this.isMeasuring) return;
    this.gaveWay = true;
    this.stop();
  }
}
