import { changedSettings, type Configuration } from '../../../settings/configuration.ts';
import type { LabEvent } from '../../../lab/door/protocol.ts';
import type { History } from '../../state/history/history.ts';
import type { Session } from '../../state/session.svelte.ts';

/**
 * Pauses the run that is about to begin with a configuration once it has made `step` updates: that run only. A pause by hand,
 * a Reset or another run before that ends the watch. Returns how to end it.
 */
export function pauseAt(
  step: number,
  configuration: Configuration,
  session: Pick<Session, 'configuration' | 'history' | 'listen' | 'pause'>,
): () => void {
  // Steps of the run before may still be on their way: they belong to its history.
  const before = session.history;
  let mine: History | undefined;
  let isOver = false;

  function follow(event: LabEvent): void {
    if (event.type === 'step' && session.history !== before) mine ??= session.history;
    if (isOver || !mine) return;
    const isHalted = event.type === 'state' && event.state !== 'running' && event.state !== 'preparing';
    const isOther = session.history !== mine || changedSettings(session.configuration, configuration).length > 0;
    const isThere = event.type === 'step' && event.record.metrics.step >= step;
    if (!isHalted && !isOther && !isThere) return;
    end();
    if (isThere && !isOther) session.pause();
  }

  // The session makes of an event what it will after those who listen have heard it.
  const leave = session.listen((event) => queueMicrotask(() => follow(event)));
  const end = (): void => {
    isOver = true;
    leave();
  };
  return end;
}
