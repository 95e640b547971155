import { IS_NODE } from '../../../base/environment.ts';
import type { TextItem, TextMarkedContent } from 'pdfjs-dist/types/src/display/api';
import { CorpusError } from '../../errors.ts';
import { pacer } from '../../pacer.ts';
import { textOfPages, type PageItem } from './pdfText.ts';
import type { ReadFile, ReadingOptions } from './reader.ts';

/** Nothing is drawn, so nothing that drawing needs is fetched or made. */
const TEXT_ONLY = {
  disableFontFace: true,
  useSystemFonts: false,
  useWorkerFetch: false,
  isEvalSupported: false,
  isOffscreenCanvasSupported: false,
  verbosity: 0,
} as const;

function isText(item: TextItem | TextMarkedContent): item is TextItem {
  return 'str' in item;
}

/** In a browser pdf.js works in a worker of its own; in Node it brings its own stand-in. */
function openWorker(): Worker | undefined {
  return IS_NODE ? undefined : new Worker(new URL('./pdfWorker.ts', import.meta.url), { type: 'module', name: 'pdf' });
}

/**
 * The text of a PDF file, page by page.
 * @throws CorpusError `unreadable-file` for one that is damaged, locked or has no text; `aborted`.
 */
export async function readPdf(
  name: string,
  bytes: Uint8Array,
  { signal, onProgress }: ReadingOptions,
): Promise<ReadFile> {
  const pause = pacer(signal, 'Reading the file');
  const pdf = await import('pdfjs-dist/legacy/build/pdf.mjs');
  const thread = openWorker();
  const worker = thread && new pdf.PDFWorker({ port: thread as unknown as null, verbosity: 0 });
  // pdf.js takes the bytes for its own.
  const loading = pdf.getDocument({ ...TEXT_ONLY, data: bytes.slice(), ...(worker && { worker }) });
  try {
    const document = await loading.promise;
    const pages: PageItem[][] = [];
    for (let number = 1; number <= document.numPages; number++) {
      const page = await document.getPage(number);
      const { items } = await page.getTextContent();
      pages.push(items.filter(isText).map(itemOf));
      page.cleanup();
      onProgress?.(number / document.numPages);
      await pause();
    }
    return { text: textOfPages(pages), notes: notesOf(name, pages) };
  } catch (cause) {
    throw cause instanceof CorpusError ? cause : unreadable(name, cause);
  } finally {
    await loading.destroy();
    worker?.destroy();
    thread?.terminate();
  }
}

function itemOf({ str, transform, width, hasEOL }: TextItem): PageItem {
  const [, , c = 0, d = 0, x = 0, y = 0] = transform as number[];
  return { text: str, x, y, width, size: Math.hypot(c, d), endsLine: hasEOL };
}

/** @throws CorpusError where no page has text. */
function notesOf(name: string, pages: readonly (readonly PageItem[])[]): string[] {
  const empty = pages.filter((items) => items.every(({ text }) => text.trim() === '')).length;
  if (empty === pages.length)
    throw new CorpusError(
      'unreadable-file',
      `${name} holds pictures of pages and no text, as scanners make them. Have its text recognised (OCR), and try that file.`,
    );
  if (empty === 0) return [];
  return [`${empty} of the ${pages.length} pages of ${name} hold no text: they may be pictures.`];
}

function unreadable(name: string, cause: unknown): CorpusError {
  const kind = cause instanceof Error ? cause.name : '';
  if (kind === 'PasswordException')
    return new CorpusError(
      'unreadable-file',
      `${name} is locked with a password. Save a copy without it, and try that.`,
    );
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CorpusError(
    'unreadable-file',
    `${name} could not be read as a PDF file (${reason}). Use another copy of it.`,
  );
}
