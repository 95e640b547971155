import type { CDPSession, Page } from 'playwright';

/** In bytes: objects on the heap, and array buffers beside it; and how many nodes and listeners the page holds. */
export interface PageMemory {
  heap: number;
  buffers: number;
  workerHeap: number;
  workerBuffers: number;
  nodes: number;
  listeners: number;
}

/**
 * Reads the memory of the page and of its workers over the browser's debugging protocol: after a collection of each, or, without one,
 * with what is to be collected still in it.
 */
export async function memoryProbe(page: Page): Promise<(collect?: boolean) => Promise<PageMemory>> {
  const session = await page.context().newCDPSession(page);
  const workers = new Set<string>();
  session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
    if (targetInfo.type === 'worker') workers.add(sessionId);
  });
  session.on('Target.detachedFromTarget', ({ sessionId }) => workers.delete(sessionId));
  await session.send('Performance.enable');
  await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return async (collect = true) => {
    if (collect) await session.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage');
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? NaN;
    const memory = {
      heap: usedSize,
      buffers: backingStorageSize,
      workerHeap: 0,
      workerBuffers: 0,
      nodes: of('Nodes'),
      listeners: of('JSEventListeners'),
    };
    for (const worker of [...workers]) {
      if (collect) await ask(session, worker, 'HeapProfiler.collectGarbage');
      const usage = (await ask(session, worker, 'Runtime.getHeapUsage')) as HeapUsage;
      memory.workerHeap += usage.usedSize;
      memory.workerBuffers += usage.backingStorageSize;
    }
    return memory;
  };
}

type HeapUsage = { usedSize: number; backingStorageSize: number };

/** Sends a command to a worker, which is reached through the page's session only, and waits for its answer. */
function ask(session: CDPSession, worker: string, method: string): Promise<unknown> {
  return new Promise((resolve) => {
    const listen = ({ sessionId, message }: { sessionId: string; message: string }): void => {
      const answer = JSON.parse(message) as { id?: number; result?: unknown };
      if (sessionId !== worker || answer.id !== 1) return;
      session.off('Target.receivedMessageFromTarget', listen);
      resolve(answer.result);
    };
    session.on('Target.receivedMessageFromTarget', listen);
    void session.send('Target.sendMessageToTarget', { sessionId: worker, message: JSON.stringify({ id: 1, method }) });
  });
}
