import { byteText } from '../../files/formats/byteText.ts';
import type { Runtime } from '../../ops/core/runtime.ts';

/** A stretch of time for people. */
export function timeText(ms: number): string {
  if (ms < 9995) return `${(ms / 1000).toFixed(ms < 995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Lines of a table, columns as wide as their widest cell: the first to the left, numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** Where nobody watches a line being rewritten, a new one is printed this often. */
const LINE_EVERY_MS = 5000;

/** What is going on, on standard error: one line that is rewritten on a terminal, a line now and then elsewhere. */
export class ProgressLine {
  #printed = -Infinity;
  #open = false;

  update(text: string): void {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\u001b[K${text}`);
      this.#open = true;
      return;
    }
    const now = performance.now();
    if (now - this.#printed < LINE_EVERY_MS) return;
    this.#printed = now;
    process.stderr.write(`${text}\n`);
  }

  /** Ends it with a line that stays. */
  end(text: string): void {
    process.stderr.write(this.#open ? `\r\u001b[K${text}\n` : `${text}\n`);
    this.#open = false;
    this.#printed = -Infinity;
  }
}

/** "120 of 269 MB (45 %)". */
export function partText(done: number, total: number): string {
  return `${byteText(done)} of ${byteText(total)} (${Math.floor((100 * done) / Math.max(1, total))} %)`;
}

/** Says how far the sample is whose mean embedding is to be subtracted. */
export function centringProgress(): (fraction: number) => void {
  const line = new ProgressLine();
  const started = performance.now();
  return (fraction) => {
    if (fraction < 1) line.update(`Finding the mean embedding of the text: ${Math.floor(100 * fraction)} %`);
    else line.end(`Found the mean embedding of the text in ${timeText(performance.now() - started)}`);
  };
}

/** Says when kernels are compiled, which a first step on a software GPU waits for. */
export function reportCompiling(runtime: Runtime): void {
  const line = new ProgressLine();
  let since: number | undefined;
  runtime.recorder.onCompile = (done, total) => {
    since ??= performance.now();
    if (done < total) return line.update(`Compiling kernels, ${done} of ${total}`);
    const took = performance.now() - since;
    since = undefined;
    // What nobody has waited for is not worth a line.
    if (took > 500) line.end(`Compiled ${total} kernels in ${timeText(took)}`);
  };
}

/** What the GPU is called. */
export function gpuText(runtime: Runtime): string {
  const { description, vendor, architecture } = runtime.gpu.info;
  return description || `${vendor} ${architecture}`;
}

/** What should be known of a text before anything is read off it, on standard error. */
export function reportNotices(notices: readonly string[]): void {
  for (const notice of notices) process.stderr.write(`note: ${notice}\n`);
}
