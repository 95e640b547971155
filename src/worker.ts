import { Lab } from './lab/lab.ts';
import type { LabCommand, LabEvent } from './lab/protocol.ts';

/** The Lab behind a worker: commands come in as messages, events go out as messages. */
const lab = new Lab(navigator.gpu, (event: LabEvent) => postMessage(event));

addEventListener('message', (message: MessageEvent<LabCommand>) => {
  void lab.handle(message.data);
});
