import type { FromEncoder } from './encoder/remote/messages.ts';
import { openRemoteEncoder, type EncoderWorker } from './encoder/remote/remoteEncoder.ts';
import { tabClaims } from './files/store/claims.ts';
import { openBrowserStore } from './files/store/opfs.ts';
import { Lab } from './lab/lab.ts';
import { host } from './lab/door/host.ts';
import type { FromLab, ToLab } from './lab/door/protocol.ts';

/** The Lab behind a worker: requests come in as messages; answers, progress and events go out as messages. */
const send = (message: FromLab, transfer: Transferable[] = []): void => postMessage(message, { transfer });
const lab = new Lab(navigator.gpu, (event) => send({ kind: 'event', event }), {
  models: () => openBrowserStore('models'),
  encoders: () => openBrowserStore('encoders'),
  openEncoder: (files, options) => openRemoteEncoder(startEncoder, files, options),
  runs: () => openBrowserStore('runs'),
  comparisons: () => openBrowserStore('comparisons'),
  tiles: () => openBrowserStore('tiles'),
  host: navigator.userAgent,
  claimComparison: tabClaims((navigator as Partial<WorkerNavigator>).locks),
  // Only secure pages have locks, whatever the types say.
  claimRun: tabClaims((navigator as Partial<WorkerNavigator>).locks),
});
const hear = host(lab, send);

addEventListener('message', (message: MessageEvent<ToLab>) => void hear(message.data));

/** A worker inside this one, so that neither the page nor the run waits for an encoder. */
function startEncoder(): EncoderWorker {
  const worker = new Worker(new URL('./encoderWorker.ts', import.meta.url), { type: 'module', name: 'encoder' });
  return {
    postMessage: (message) => worker.postMessage(message),
    listen: (onMessage, onCrash) => {
      worker.addEventListener('message', ({ data }: MessageEvent<FromEncoder>) => onMessage(data));
      worker.addEventListener('error', (event) => onCrash(event.message || 'it could not be loaded'));
    },
    terminate: () => worker.terminate(),
  };
}
