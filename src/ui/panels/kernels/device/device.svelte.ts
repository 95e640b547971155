import type { DeviceReport } from '../../../../run/deviceBench/report.ts';
import { ofSession } from '../../../state/ofSession.ts';
import type { Session } from '../../../state/session.svelte.ts';
import { Measurement } from '../measurement.svelte.ts';

export const deviceOf = ofSession((session) => new Device(session));

/** What this device does, as the lab measured it last. */
export class Device extends Measurement<'measureDevice'> {
  report = $state.raw<DeviceReport>();

  constructor(session: Session) {
    super(session, 'measureDevice');
  }

  async measure(): Promise<void> {
    const report = await this.ask({ type: 'measureDevice', host: navigator.userAgent });
    if (report) this.report = report;
  }
}
