import { loadTransformers } from '../../src/cli/support/transformers.ts';
import { hostEncoder } from '../../src/encoder/remote/host.ts';
import type { FromEncoder, ToEncoder } from '../../src/encoder/remote/messages.ts';
import type { EncoderWorker } from '../../src/encoder/remote/remoteEncoder.ts';

/** An encoder's worker without a thread: messages are cloned and arrive later, and nothing after it has ended. */
export interface InProcessWorker extends EncoderWorker {
  readonly heard: ToEncoder[];
  readonly isEnded: boolean;
  crash(why: string): void;
}

export function inProcessWorker(): InProcessWorker {
  let told: ((message: FromEncoder) => void) | undefined;
  let crashed: ((why: string) => void) | undefined;
  let isEnded = false;
  const heard: ToEncoder[] = [];
  const hear = hostEncoder(loadTransformers, (message) => {
    const copy = structuredClone(message);
    setTimeout(() => !isEnded && told?.(copy), 0);
  });
  return {
    heard,
    get isEnded() {
      return isEnded;
    },
    crash: (why) => crashed?.(why),
    listen(onMessage, onCrash) {
      told = onMessage;
      crashed = onCrash;
    },
    postMessage(message) {
      const copy = structuredClone(message);
      heard.push(copy);
      setTimeout(() => !isEnded && void hear(copy), 0);
    },
    terminate() {
      isEnded = true;
    },
  };
}
