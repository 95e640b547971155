import type { Page, Worker } from 'playwright';

/** What the engine's worker did with its GPU, in milliseconds since the page began to load. */
export interface GpuMarks {
  /** Of each pipeline: when it was asked for, and when it was there. */
  readonly pipelines: readonly { readonly label: string; readonly from: number; readonly to: number | undefined }[];
  /** Of each event that the worker sent: its type and, of a state, its words. */
  readonly events: readonly { readonly what: string; readonly at: number }[];
}

/** Put before the worker's own code: writes down each compilation and each event. Times are comparable over all of a page's threads. */
const WATCH = `
globalThis.gpuMarks = { pipelines: [], events: [] };
{
  const now = () => performance.timeOrigin + performance.now();
  const compile = globalThis.GPUDevice?.prototype.createComputePipelineAsync;
  if (compile) GPUDevice.prototype.createComputePipelineAsync = async function (descriptor) {
    const mark = { label: descriptor.label ?? '', from: now() };
    globalThis.gpuMarks.pipelines.push(mark);
    const pipeline = await compile.call(this, descriptor);
    mark.to = now();
    return pipeline;
  };
  const send = globalThis.postMessage;
  globalThis.postMessage = (message, ...rest) => {
    const { event } = message ?? {};
    if (event) globalThis.gpuMarks.events.push({ what: event.detail ? event.type + ': ' + event.detail : event.type, at: now() });
    return send.call(globalThis, message, ...rest);
  };
}
`;

/** Begins to watch the engine's worker of a page that is opened after this. */
export async function watchGpu(page: Page): Promise<void> {
  await page.route(/\/assets\/worker-[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: WATCH + (await response.text()) });
  });
}

/** What was written down until now; undefined while there is no worker. */
export async function takeMarks(page: Page): Promise<GpuMarks | undefined> {
  const worker = page.workers().find((one: Worker) => /\/worker-[^/]*\.js$/.test(one.url()));
  if (!worker) return undefined;
  const began = await page.evaluate(() => performance.timeOrigin);
  // Its code may not be there yet.
  const marks = await worker.evaluate(() => (globalThis as unknown as { gpuMarks?: GpuMarks }).gpuMarks);
  if (!marks) return undefined;
  const { pipelines, events } = marks;
  return {
    pipelines: pipelines.map(({ label, from, to }) => ({ label, from: from - began, to: to && to - began })),
    events: events.map(({ what, at }) => ({ what, at: at - began })),
  };
}
