import { CorpusError } from '../../errors.ts';
import { requireSize, utf8Length, type GivenFile, type GivenText } from '../../given.ts';
import { pacer } from '../../pacer.ts';
import type { Notice } from '../../types.ts';
import { cleanText } from '../cleaning.ts';
import { divideAsEarlier } from '../earlier.ts';
import { buildDocuments, fileTitle, type DividedDocument, type Part } from './documents.ts';
import { piecesOf } from './pieces.ts';
import { rowReaderOf } from './rowReaders.ts';
import { rowTexts, textColumns } from './rows.ts';
import { scanText } from './scanner.ts';
import { guessUnit, UNITS, type Unit } from './units.ts';

/** What the columns of the files of rows are, and which of them is read. */
export interface ColumnChoice {
  readonly columns: readonly string[];
  readonly chosen: string;
}

/** A text divided into documents. */
export interface Division {
  readonly documents: readonly DividedDocument[];
  /** What a document is, and whether nobody said so. */
  readonly unit: Unit;
  readonly isGuessed: boolean;
  /** How many documents each unit would make; those that make no sense for this text are not in it. */
  readonly units: readonly { readonly unit: Unit; readonly documents: number }[];
  /** Undefined where no file has rows. */
  readonly columns: ColumnChoice | undefined;
  readonly notices: readonly Notice[];
}

export interface DivisionOptions {
  readonly unit?: Unit | 'auto';
  /** Column of rows that holds the text; '' for the one that looks most like it. */
  readonly column?: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** From so many files on each is a document, without a choice. */
const MANY_FILES = 3;

/**
 * Divides a text into documents: by the unit asked for, or the one that suits it; then as it was corrected by hand.
 * @throws CorpusError `empty-text`, `binary-file`, `too-large`, `unreadable-rows`, `aborted`.
 */
export async function divideText(given: GivenText, options: DivisionOptions = {}): Promise<Division> {
  requireSize(
    given.files.length === 1 ? (given.files[0]?.name ?? 'The text') : `${given.files.length} files`,
    given.files.reduce((sum, { text }) => sum + utf8Length(text), 0),
  );
  if (given.dividedAs === 'earlier') return asEarlier(given);
  const pause = pacer(options.signal, 'Reading the text');
  const parts: Part[] = [];
  const notes: string[] = [];
  let columns: ColumnChoice | undefined;
  for (const [index, file] of given.files.entries()) {
    await pause();
    const read = await partsOf(file, index, given.files.length, options.column ?? '');
    // A text may have a great many parts.
    for (const part of read.parts) parts.push(part);
    notes.push(...(file.notes ?? []), ...read.notes);
    columns ??= read.columns;
    options.onProgress?.((index + 1) / given.files.length);
  }
  if (parts.every(({ pieces }) => pieces.length === 0)) throw emptyText(nameOf(given));
  const { unit: asked = 'auto' } = options;
  const isGuessed = asked === 'auto';
  const unit = isGuessed ? guessOf(parts) : asked;
  const splits = given.splits ?? [];
  const documents = buildDocuments(parts, unit, { splits, keepsRows: isGuessed });
  await pause();
  const units = UNITS.filter((one) => one !== 'file' || given.files.length > 1).map((one) => ({
    unit: one,
    documents: one === unit && splits.length === 0 ? documents.length : buildDocuments(parts, one).length,
  }));
  return {
    documents,
    unit,
    isGuessed,
    units,
    columns,
    notices: noticesOf(notes),
  };
}

function nameOf({ files }: GivenText): string {
  return files.length === 1
    ? (files[0]?.name ?? '') || 'The text'
    : files.length === 0
      ? 'The text'
      : `Each of ${files.length} files`;
}

async function partsOf(
  file: GivenFile,
  index: number,
  files: number,
  column: string,
): Promise<{ parts: Part[]; notes: string[]; columns?: ColumnChoice }> {
  const { text, notes } = cleanText(file.name || 'The text', file.text);
  const title = files > 1 ? fileTitle(file.name) : undefined;
  const readRows = rowReaderOf(file.name);
  if (!readRows || text.trim() === '') {
    const scanned = scanText(text);
    return {
      parts: [{ file: index, title: scanned.title ?? title, pieces: piecesOf(scanned.blocks), isRow: false }],
      notes,
    };
  }
  const table = await readRows(file.name, text);
  const read = rowTexts(file.name, table, column);
  const parts = read.rows.map((row): Part => ({
    file: index,
    title: row.title,
    pieces: piecesOf(scanText(row.text.replace(/\r\n?/g, '\n')).blocks),
    isRow: true,
  }));
  const columns = { columns: textColumns(table), chosen: read.column };
  return { parts, notes: [...notes, ...read.notes], columns };
}

/** Many files are documents; else what the text of most paragraphs shows. Rows are documents whatever the texts beside them are. */
function guessOf(parts: readonly Part[]): Unit {
  const texts = parts.filter(({ isRow }) => !isRow);
  if (texts.length === 0) return 'line';
  if (texts.length >= MANY_FILES) return 'file';
  const richest = texts.reduce((most, text) => (text.pieces.length > most.pieces.length ? text : most));
  const unit = guessUnit(richest.pieces);
  return unit === 'whole' && parts.length > 1 ? 'file' : unit;
}

/** As texts were divided before a unit could be chosen, so that runs of then go on with the chunks they had. */
function asEarlier({ files: [file] }: GivenText): Division {
  const { text, notes } = cleanText(file?.name || 'The text', file?.text ?? '');
  const documents = divideAsEarlier(text).map((document) => ({ ...document, file: 0, places: [] }));
  if (documents.length === 0) throw emptyText(file?.name || 'The text');
  return {
    documents,
    unit: 'section',
    isGuessed: true,
    units: [{ unit: 'section', documents: documents.length }],
    columns: undefined,
    notices: noticesOf(notes),
  };
}

function emptyText(name: string): CorpusError {
  return new CorpusError('empty-text', `${name} is empty. Paste a few paragraphs or choose a collection.`);
}

function noticesOf(notes: readonly string[]): Notice[] {
  return notes.map((message) => ({ code: 'repaired-text', message }));
}
