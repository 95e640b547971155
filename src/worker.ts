import { openBrowserStore } from './files/store/opfs.ts';
import { Lab } from './lab/lab.ts';
import type { LabCommand, LabEvent } from './lab/door/protocol.ts';

/** The Lab behind a worker: commands come in as messages, events go out as messages. */
const lab = new Lab(
  navigator.gpu,
  (event: LabEvent) => postMessage(event, { transfer: event.type === 'file' ? [event.bytes.buffer] : [] }),
  {
    models: () => openBrowserStore('models'),
    runs: () => openBrowserStore('runs'),
  },
);

addEventListener('message', (message: MessageEvent<LabCommand>) => {
  void lab.handle(message.data);
});
