import type { LabCommand, LabEvent } from './protocol.ts';

/** The page's end of the worker: commands in, events out. */
export interface LabClient {
  send(command: LabCommand): void;
  /** Ends the worker and all it holds on the GPU. */
  close(): void;
}

/** Starts the worker; `onEvent` hears everything it says, and its crash as an error event. */
export function openLab(onEvent: (event: LabEvent) => void): LabClient {
  const worker = new Worker(new URL('../../worker.ts', import.meta.url), { type: 'module', name: 'lab' });
  worker.addEventListener('message', (message: MessageEvent<LabEvent>) => onEvent(message.data));
  worker.addEventListener('error', (event) => {
    onEvent({
      type: 'error',
      error: {
        kind: 'bug',
        message: `The worker stopped: ${event.message || 'it could not be loaded'}.`,
        action: 'Reload the page; your text and settings are kept. Please report this if it happens again.',
      },
    });
  });
  return {
    send: (command) => worker.postMessage(command),
    close: () => worker.terminate(),
  };
}
