import type { FrameWriter, FromEncoder, ToEncoder } from './writer.ts';

/** Encodes frames beside the page, which goes on meanwhile. A format's library is loaded when it is asked for. */
let writer: FrameWriter | undefined;

addEventListener('message', ({ data }: MessageEvent<ToEncoder>) => {
  obey(data).then(
    (answer) => postMessage(answer, { transfer: answer.type === 'done' ? [answer.bytes.buffer] : [] }),
    (error: unknown) => postMessage({ type: 'failed', message: String(error) } satisfies FromEncoder),
  );
});

async function obey(message: ToEncoder): Promise<FromEncoder> {
  if (message.type === 'open') {
    writer =
      message.format === 'gif'
        ? (await import('./gif.ts')).gifWriter(message.shape, message.samples)
        : await (await import('./webm.ts')).webmWriter(message.shape);
    return { type: 'ready' };
  }
  if (!writer) throw new Error('No file was opened.');
  if (message.type === 'finish') return { type: 'done', bytes: await writer.finish() };
  await writer.add(message.pixels, message.duration);
  return { type: 'ready' };
}
