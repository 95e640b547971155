import { tabClaims } from './files/store/claims.ts';
import { openBrowserStore } from './files/store/opfs.ts';
import { Lab } from './lab/lab.ts';
import { host } from './lab/door/host.ts';
import type { FromLab, ToLab } from './lab/door/protocol.ts';

/** The Lab behind a worker: requests come in as messages; answers, progress and events go out as messages. */
const send = (message: FromLab, transfer: Transferable[] = []): void => postMessage(message, { transfer });
const lab = new Lab(navigator.gpu, (event) => send({ kind: 'event', event }), {
  models: () => openBrowserStore('models'),
  runs: () => openBrowserStore('runs'),
  // Only secure pages have locks, whatever the types say.
  claimRun: tabClaims((navigator as Partial<WorkerNavigator>).locks),
});
const hear = host(lab, send);

addEventListener('message', (message: MessageEvent<ToLab>) => void hear(message.data));
