import { CorpusError } from '../../errors.ts';
import { MAXIMUM_TEXT_BYTES, requireSize, utf8Length, type GivenFile, type GivenText } from '../../given.ts';
import { pacer } from '../../pacer.ts';
import { cleanText } from '../cleaning.ts';
import { extensionOf } from '../division/rowReaders.ts';
import { readPlainText } from './plainText.ts';
import type { Reader, ReadingOptions } from './reader.ts';

/** A kind of file. */
export interface Format {
  readonly extensions: readonly string[];
  readonly mediaTypes: readonly string[];
  readonly read: Reader;
  /** Largest file: the text that is in a file of pages is a small part of it. */
  readonly mostBytes: number;
}

const MEGABYTE = 1024 * 1024;

/** Every kind of file that is read. Those with readers of their own fetch them when they are needed. */
export const FORMATS: readonly Format[] = [
  {
    extensions: ['txt', 'text', 'md', 'markdown', 'rst', 'org', 'tex', 'log'],
    mediaTypes: ['text/plain', 'text/markdown'],
    read: readPlainText,
    mostBytes: MAXIMUM_TEXT_BYTES,
  },
  { extensions: ['csv'], mediaTypes: ['text/csv'], read: readPlainText, mostBytes: MAXIMUM_TEXT_BYTES },
  {
    extensions: ['tsv'],
    mediaTypes: ['text/tab-separated-values'],
    read: readPlainText,
    mostBytes: MAXIMUM_TEXT_BYTES,
  },
  {
    extensions: ['jsonl', 'ndjson', 'json'],
    mediaTypes: ['application/jsonl', 'application/x-ndjson', 'application/json'],
    read: readPlainText,
    mostBytes: MAXIMUM_TEXT_BYTES,
  },
  {
    extensions: ['html', 'htm', 'xhtml'],
    mediaTypes: ['text/html', 'application/xhtml+xml'],
    read: async (name, bytes) => (await import('./html.ts')).readHtml(name, bytes),
    mostBytes: 2 * MAXIMUM_TEXT_BYTES,
  },
  {
    extensions: ['pdf'],
    mediaTypes: ['application/pdf'],
    read: async (name, bytes, options) => (await import('./pdf.ts')).readPdf(name, bytes, options),
    mostBytes: 200 * MEGABYTE,
  },
];

/** What a file chooser is told to offer. */
export const ACCEPTED_FILES = FORMATS.flatMap(({ extensions, mediaTypes }) => [
  ...extensions.map((extension) => `.${extension}`),
  ...mediaTypes,
]).join();

/** A file that can be read when its turn comes. */
export interface SourceFile {
  /** With its path below the folder that was given. */
  readonly name: string;
  readonly size: number;
  readonly bytes: () => Promise<Uint8Array>;
}

interface ReadingAllOptions {
  readonly signal?: AbortSignal | undefined;
  /** What is under way, and the share of all that is done. */
  readonly onProgress?: ((detail: string, fraction: number) => void) | undefined;
}

/** Files that are named in a note, before the rest is only counted. */
const MOST_NAMED = 3;

function formatOf(name: string): Format | undefined {
  const extension = extensionOf(name);
  return FORMATS.find(({ extensions }) => extensions.includes(extension));
}

/** Whether a file lies in a folder, so that nobody has chosen it by itself. */
function isFromFolder({ name }: SourceFile): boolean {
  return name.includes('/');
}

/** Whether a file or folder is none that people write texts in, by its name. */
export function isHidden(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules';
}

function isHiddenFile({ name }: SourceFile): boolean {
  return name.split('/').some(isHidden);
}

/** Files that a folder holds beside its texts: hidden ones, and those of kinds that are not read. */
function isPassedOver(file: SourceFile): boolean {
  if (!isFromFolder(file)) return false;
  return isHiddenFile(file) || formatOf(file.name) === undefined;
}

/**
 * Reads files of all kinds, in the order of their names. One that is chosen by itself and has an unknown kind is tried as plain text;
 * of a folder, only files of known kinds are read. Of several files, those that cannot be read are left out with a note.
 * @throws CorpusError `too-large`, `binary-file`, `unreadable-file`, `empty-text`, `aborted`.
 */
export async function readSources(
  sources: readonly SourceFile[],
  { signal, onProgress }: ReadingAllOptions = {},
): Promise<GivenText> {
  const pause = pacer(signal, 'Reading the files');
  const wanted = sources.filter((file) => !isPassedOver(file)).sort((a, b) => byName(a.name, b.name));
  const others = sources.filter((file) => isPassedOver(file) && !isHiddenFile(file));
  if (wanted.length === 0)
    throw new CorpusError(
      'empty-text',
      `There is no text in ${sources.length === 1 ? 'it' : 'these files'}: ${known()}`,
    );
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  const files: GivenFile[] = [];
  const refused: CorpusError[] = [];
  let done = 0;
  let bytes = 0;
  for (const file of wanted) {
    const base = file.name.slice(file.name.lastIndexOf('/') + 1);
    const detail = `Reading ${base}`;
    const report = (fraction: number): void => onProgress?.(detail, (done + fraction * file.size) / (total || 1));
    report(0);
    await pause();
    const read = await readSource(file, { signal, onProgress: report }).catch((cause: unknown) => {
      // One of several is named, and the others are taken.
      if (wanted.length === 1 || !(cause instanceof CorpusError) || cause.code === 'aborted') throw cause;
      refused.push(cause);
      return undefined;
    });
    await pause();
    done += file.size;
    if (!read) continue;
    bytes += utf8Length(read.text);
    requireSize(wanted.length === 1 ? `The text of ${base}` : `The text of ${wanted.length} files`, bytes);
    if (read.text.trim() !== '' || wanted.length === 1) files.push(read);
  }
  if (files.length === 0) throw refused[0] ?? new CorpusError('empty-text', 'The files hold no text. Choose others.');
  return { files: withNotes(files, [...passedOver(others), ...leftOut(refused)]) };
}

async function readSource(file: SourceFile, options: ReadingOptions): Promise<GivenFile> {
  const { name, size } = file;
  const format = formatOf(name);
  const most = format?.mostBytes ?? MAXIMUM_TEXT_BYTES;
  if (size > most)
    throw new CorpusError(
      'too-large',
      `${name} is ${(size / MEGABYTE).toFixed(1)} MB. The limit is ${most / MEGABYTE} MB: use a part of it.`,
    );
  const bytes = await file.bytes();
  const { read } = format ?? formatOf(isPdf(bytes) ? 'file.pdf' : 'file.txt') ?? { read: readPlainText };
  const found = await read(name, bytes, options);
  const cleaned = cleanText(name, found.text);
  const notes = [...found.notes, ...cleaned.notes];
  return { name, text: cleaned.text, ...(notes.length > 0 && { notes }) };
}

function isPdf(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, 5)) === '%PDF-';
}

/** Numbers in names by their value: chapter 2 before chapter 10. */
const { compare } = new Intl.Collator('en', { numeric: true });

function byName(a: string, b: string): number {
  return compare(a, b);
}

function known(): string {
  return `${FORMATS.flatMap(({ extensions }) => extensions.slice(0, 3).map((extension) => `.${extension}`)).join(', ')} are read.`;
}

function passedOver(others: readonly SourceFile[]): string[] {
  if (others.length === 0) return [];
  const names = others.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : '';
  return [`Left out, since files of their kind are not read: ${names.join(', ')}${more}.`];
}

/** Why files are missing from the text. */
function leftOut(refused: readonly CorpusError[]): string[] {
  const told = refused.slice(0, MOST_NAMED).map(({ message }) => `Left out: ${message}`);
  const more = refused.length - told.length;
  return more > 0 ? [...told, `Left out: ${more} more that could not be read.`] : told;
}

function withNotes(files: readonly GivenFile[], notes: readonly string[]): GivenFile[] {
  if (notes.length === 0) return [...files];
  return files.map((file, i) => (i === 0 ? { ...file, notes: [...(file.notes ?? []), ...notes] } : file));
}
