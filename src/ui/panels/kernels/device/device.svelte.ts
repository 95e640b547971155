import type { DeviceReport } from '../../../../run/deviceBench/report.ts';
import { Requests } from '../../../state/requests.svelte.ts';
import type { Session } from '../../../state/session.svelte.ts';

const kept = new WeakMap<Session, Device>();

/** The measurement of a session's device: it stays when the panel is closed, and goes on meanwhile. */
export function deviceOf(session: Session): Device {
  const found = kept.get(session) ?? new Device(session);
  kept.set(session, found);
  return found;
}

/** What this device does, as the lab measured it last. */
export class Device {
  report = $state.raw<DeviceReport>();
  /** Whether training ended the last measurement. */
  gaveWay = $state(false);

  private readonly requests: Requests;
  readonly isMeasuring = $derived.by(() => this.requests.isWaiting('measureDevice'));
  readonly progress = $derived.by(() => (this.isMeasuring ? this.requests.progressOf('measureDevice') : undefined));
  readonly error = $derived.by(() => this.requests.errorOf('measureDevice'));

  constructor(session: Session) {
    this.requests = new Requests(session);
  }

  async measure(): Promise<void> {
    this.gaveWay = false;
    const report = await this.requests.ask({ type: 'measureDevice', host: navigator.userAgent });
    if (report) this.report = report;
  }

  stop(): void {
    this.requests.stop('measureDevice');
  }

  /** Two at work would measure each other: what trains goes first. */
  giveWay(): void {
    if (!this.isMeasuring) return;
    this.gaveWay = true;
    this.stop();
  }
}
