import type { PrecisionReport } from '../../../../run/precision/report.ts';
import type { Configuration } from '../../../../settings/configuration.ts';
import { ofSession } from '../../../state/ofSession.ts';
import type { Session } from '../../../state/session.svelte.ts';
import { Measurement } from '../measurement.svelte.ts';

export const precisionOf = ofSession((session) => new Precision(session));

/** Whether other arithmetic pays on this device, as the lab measured it last. */
export class Precision extends Measurement<'measurePrecision'> {
  report = $state.raw<PrecisionReport>();

  constructor(private readonly session: Session) {
    super(session, 'measurePrecision');
  }

  /** Compares steps of a run with these settings. */
  async measure(configuration: Configuration): Promise<void> {
    const { title, ...given } = this.session.reader.present;
    const own = configuration.source === 'text' ? { text: given, title: title || 'The text' } : {};
    this.report = (await this.ask({ type: 'measurePrecision', configuration, ...own })) ?? this.report;
  }
}
