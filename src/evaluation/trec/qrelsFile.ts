import type { ByteSource } from '../../files/formats/byteSource.ts';
import { readLines, type LineOptions } from '../collections/lines.ts';
import { quoted } from '../../base/quote.ts';
import type { LineProblems } from '../errors.ts';
import type { Qrels } from '../types.ts';
import { requireWord } from './words.ts';

/** A label, and where it stands. */
export interface JudgedLine {
  readonly query: string;
  readonly document: string;
  readonly label: number;
  readonly line: number;
}

/** Judgements of a file, in its order; those that say the same twice are in it once. */
export interface JudgedLines {
  readonly lines: readonly JudgedLine[];
  /** Lines that say again what another says. */
  readonly repeated: number;
}

/**
 * Reads judgements: BEIR's (query, document and label between tabs, under a header) or TREC's (query, iteration, document and label
 * between spaces), told apart by the number of columns. Two labels for one document are a problem.
 */
export async function readQrels(
  source: ByteSource,
  problems: LineProblems,
  options: LineOptions,
): Promise<JudgedLines> {
  const found = new Map<string, Map<string, JudgedLine>>();
  const lines: JudgedLine[] = [];
  let repeated = 0;
  const take = (content: string, line: number): void => {
    const columns = columnsOf(content);
    if (!columns)
      return problems.add(source.name, line, 'it has neither the three columns of BEIR nor the four of TREC.');
    const [query, document, text] = columns;
    const label = labelOf(text);
    if (label === undefined) {
      // The first line of BEIR's files names the columns.
      if (line > 1) problems.add(source.name, line, `the label ${quoted(text)} is no whole number.`);
      return;
    }
    const labels = found.get(query) ?? new Map<string, JudgedLine>();
    found.set(query, labels);
    const first = labels.get(document);
    if (first?.label === label) repeated++;
    else if (first)
      problems.add(
        source.name,
        line,
        `${quoted(document)} has label ${label} for ${quoted(query)}, and ${first.label} on line ${first.line}.`,
      );
    else {
      const judged = { query, document, label, line };
      labels.set(document, judged);
      lines.push(judged);
    }
  };
  await readLines(source, take, problems, options);
  return { lines, repeated };
}

/** Query, document and label; undefined where the line has other columns. */
function columnsOf(content: string): readonly [string, string, string] | undefined {
  const tabs = content.split('\t').map((cell) => cell.trim());
  const cells = tabs.length >= 3 ? tabs : content.trim().split(/\s+/);
  const [first = '', second = '', third = '', fourth = ''] = cells;
  const columns = cells.length === 3 ? ([first, second, third] as const) : ([first, third, fourth] as const);
  return (cells.length === 3 || cells.length === 4) && columns.every((cell) => cell !== '') ? columns : undefined;
}

function labelOf(text: string): number | undefined {
  return /^[+-]?\d{1,9}(\.0+)?$/.test(text) ? Number(text) : undefined;
}

/** Judgements as TREC has them. @throws CollectionError for an id with a space in it, which the format cannot hold. */
export function* qrelsText(qrels: Qrels): Generator<string, void, void> {
  for (const [query, labels] of qrels)
    for (const [document, label] of labels) yield `${requireWord(query)} 0 ${requireWord(document)} ${label}\n`;
}
