import { AXES, type Axis, type ScalingReport } from '../../../../run/scaling/report.ts';
import { ofSession } from '../../../state/ofSession.ts';
import type { Session } from '../../../state/session.svelte.ts';
import type { Configuration } from '../../../../settings/configuration.ts';
import { Measurement } from '../measurement.svelte.ts';

export const scalingOf = ofSession((session) => new Scaling(session));

/** What steps cost as something grows, as the lab measured it last. */
export class Scaling extends Measurement<'measureScaling'> {
  /** Along which axes is measured. */
  readonly chosen = $state<Record<Axis, boolean>>({ chunks: true, chunkTokens: false, rank: false });
  private measured = $state.raw<ScalingReport>();

  /** What there is: of the measurement under way, as far as that has come. */
  readonly report: ScalingReport | undefined = $derived.by(() => {
    const soFar = this.progress?.report;
    return soFar?.curves.some(({ points }) => points.length > 0) ? soFar : this.measured;
  });
  readonly axes: readonly Axis[] = $derived.by(() => AXES.filter((axis) => this.chosen[axis]));

  constructor(private readonly session: Session) {
    super(session, 'measureScaling');
  }

  /** Measures with these settings where they are not what grows. */
  async measure(configuration: Configuration): Promise<void> {
    const { axes } = this;
    const { title, ...given } = this.session.reader.present;
    const own = configuration.source === 'text' ? { text: given, title: title || 'The text' } : {};
    const report = await this.ask({ type: 'measureScaling', configuration, axes, ...own });
    if (report?.curves.some(({ points }) => points.length > 0)) this.measured = report;
  }
}
