import type { Split } from '../../given.ts';
import type { SourceDocument } from '../../types.ts';
import type { Piece } from './pieces.ts';
import { divideProse, type Unit } from './units.ts';
import { openingWords } from './words.ts';

/** A document with where it comes from. */
export interface DividedDocument extends SourceDocument {
  /** Index of the file that it begins in. */
  readonly file: number;
  /** Paragraphs at which a document may be made to begin, or no longer: their index in `paragraphs`, their place in the file. */
  readonly places: readonly { readonly paragraph: number; readonly at: number }[];
}

/** A stretch of a file that a document never begins or ends within by itself: the whole file, or one of its rows. */
export interface Part {
  /** Index of the file. */
  readonly file: number;
  /** What it is called, where something says so: front matter, a column of titles, the name of one of several files. */
  readonly title: string | undefined;
  readonly pieces: readonly Piece[];
  readonly isRow: boolean;
}

/** A piece in the order of all files. */
interface Placed {
  readonly piece: Piece;
  readonly part: Part;
  readonly begins: boolean;
  /** Whether documents may share the heading over them. */
  readonly sharesHeadings: boolean;
}

/** Between a heading and what stands under it, in a title. */
const WITHIN = ' · ';

/** What a file is called as a document: its name without its folder. */
export function fileTitle(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/**
 * Documents of all parts by a unit, as corrected by hand, each with a title.
 * @param keepsRows whether each row is a document whatever the unit.
 */
export function buildDocuments(
  parts: readonly Part[],
  unit: Unit,
  { splits = [], keepsRows = false }: { readonly splits?: readonly Split[]; readonly keepsRows?: boolean } = {},
): DividedDocument[] {
  const corrected = new Map(splits.map(({ file, at, begins }) => [`${file} ${at}`, begins]));
  const groups: Placed[][] = [];
  for (const placed of placedPieces(parts, unit, keepsRows)) {
    const { piece, part, begins } = placed;
    const last = groups.at(-1);
    if (!last || (corrected.get(`${part.file} ${piece.at}`) ?? begins)) groups.push([placed]);
    else last.push(placed);
  }
  return titled(groups, unit);
}

function* placedPieces(parts: readonly Part[], asked: Unit, keepsRows: boolean): Generator<Placed, void> {
  let file = -1;
  for (const part of parts) {
    const isNewFile = part.file !== file;
    const unit = part.isRow && keepsRows ? 'line' : asked;
    if (part.pieces.length > 0) file = part.file;
    const { pieces, begins, sharesHeadings } = divided(part, unit);
    for (const [i, piece] of pieces.entries()) {
      const isFirst = i === 0 && (unit === 'file' ? isNewFile : unit !== 'whole');
      yield { piece, part, begins: isFirst || begins[i] === true, sharesHeadings };
    }
  }
}

function divided({ pieces, isRow }: Part, unit: Unit): ReturnType<typeof divideProse> {
  const isWhole = unit === 'file' || unit === 'whole' || (isRow && unit === 'line');
  if (isWhole) return { pieces, begins: pieces.map(() => false), sharesHeadings: false };
  return divideProse(pieces, unit);
}

function titled(groups: readonly (readonly Placed[])[], unit: Unit): DividedDocument[] {
  const perPart = new Map<Part, number>();
  for (const [first] of groups) if (first) perPart.set(first.part, (perPart.get(first.part) ?? 0) + 1);
  const headings = groups.map(([first]) => first?.piece.headings.join(WITHIN) ?? '');
  let over = '';
  let overPart: Part | undefined;
  return groups.map((group, i): DividedDocument => {
    const [first] = group;
    if (!first) throw new Error('A document has no paragraph.');
    const { part, piece, sharesHeadings } = first;
    const own = headings[i] ?? '';
    if (own !== '' || part !== overPart) over = own;
    overPart = part;
    const paragraphs = paragraphsOf(group);
    const opening = openingWords(paragraphs.texts[0] ?? '');
    // A heading stands over the documents up to the next one.
    const next = groups[i + 1]?.[0];
    const isShared = sharesHeadings && over !== '' && (own === '' || (next?.part === part && headings[i + 1] === ''));
    const isWholePart = unit === 'file' ? !part.isRow : perPart.get(part) === 1;
    const heading = isShared ? over + WITHIN + opening : own;
    const title = (isWholePart ? part.title : undefined) ?? (piece.text === '' ? own : heading || opening);
    return { title, paragraphs: paragraphs.texts, places: paragraphs.places, file: part.file };
  });
}

/** The paragraphs of a document, its first headings left to the title; and those at which another could begin. */
function paragraphsOf(group: readonly Placed[]): { texts: string[]; places: { paragraph: number; at: number }[] } {
  const texts: string[] = [];
  const places: { paragraph: number; at: number }[] = [];
  for (const [i, { piece, part }] of group.entries()) {
    if (!part.isRow) places.push({ paragraph: texts.length, at: piece.at });
    // Headings with nothing under them are text too.
    if (i > 0 || piece.text === '') texts.push(...piece.headings);
    if (piece.text !== '') texts.push(piece.text);
  }
  return { texts, places };
}
