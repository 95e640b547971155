import type { CommandOf } from '../../../src/lab/door/protocol.ts';
import type { DocumentPreview, GivenText, TextPreview } from '../../../src/lab/door/views.ts';

/** What the scripted lab makes of texts, as far as the page can tell it from the real one. */
export interface ScriptedTexts {
  preview(command: CommandOf<'previewText'>): TextPreview;
  /** Files as text; those that hold a NUL are refused. */
  read(command: CommandOf<'readFiles'>): Promise<GivenText>;
}

/** Documents that are sent at once. */
export const SHOWN_DOCUMENTS = 40;

/**
 * Runs in the page, so it stands alone. Paragraphs stand between blank lines, and are documents unless the unit says otherwise or
 * a split was corrected by hand; each is cut in two at the sentence nearest to its middle. Lines of a .csv file are documents of its
 * first column, or of the one that is chosen.
 */
export function installTexts(atOnce: number): void {
  interface Piece {
    readonly text: string;
    readonly at: number;
    readonly file: number;
  }

  function piecesOf({ files }: GivenText): Piece[] {
    return files.flatMap(({ text }, file) => {
      const pieces: Piece[] = [];
      for (const { 0: found, index } of text.matchAll(/\S(?:[^\n]|\n(?!\s*\n))*/g)) {
        pieces.push({ text: found.replace(/\s+/g, ' ').trim(), at: index, file });
      }
      return pieces;
    });
  }

  function rowsOf(text: string, column: string): { pieces: Piece[]; columns: { columns: string[]; chosen: string } } {
    const [head = '', ...lines] = text.trim().split('\n');
    const columns = head.split(',');
    const chosen = columns.includes(column) ? column : (columns[0] ?? '');
    const index = columns.indexOf(chosen);
    const pieces = lines.map((line, at) => ({ text: line.split(',')[index] ?? '', at, file: 0 }));
    return { pieces, columns: { columns, chosen } };
  }

  function chunksOf(text: string): { start: number; end: number; tokens: number }[] {
    const ends = [...text.matchAll(/[.?!] /g)].map(({ index }) => index + 1);
    const middle = text.length / 2;
    const cut = ends.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
    const stretches =
      cut === undefined
        ? [[0, text.length]]
        : [
            [0, cut],
            [cut + 1, text.length],
          ];
    return stretches.map(([start = 0, end = 0]) => ({ start, end, tokens: Math.ceil((end - start) / 4) }));
  }

  function preview({ configuration, text, from = 0 }: CommandOf<'previewText'>): TextPreview {
    const isTable = text.files[0]?.name.endsWith('.csv') === true;
    const rows = isTable ? rowsOf(text.files[0]?.text ?? '', configuration.column) : undefined;
    const pieces = rows?.pieces ?? piecesOf(text);
    const { documentUnit } = configuration;
    const unit = documentUnit === 'auto' ? (isTable ? 'line' : 'paragraph') : documentUnit;
    const splits = new Map((text.splits ?? []).map(({ file, at, begins }) => [`${file} ${at}`, begins]));
    const groups: Piece[][] = [];
    for (const piece of pieces) {
      const begins = splits.get(`${piece.file} ${piece.at}`) ?? unit !== 'whole';
      if (groups.length === 0 || begins) groups.push([piece]);
      else groups.at(-1)?.push(piece);
    }
    const first = new Map<string, number>();
    const documents = groups.map((group, document): DocumentPreview => {
      const whole = group.map((piece) => piece.text).join(' ');
      const chunks = chunksOf(whole);
      const copyOf = first.get(whole);
      if (copyOf === undefined) first.set(whole, document);
      let start = 0;
      const paragraphs = group.map((piece) => {
        const paragraph = { start, at: isTable ? undefined : piece.at };
        start += piece.text.length + 1;
        return paragraph;
      });
      return {
        document,
        title: `${whole.split(' ').slice(0, 4).join(' ')}…`,
        file: group[0]?.file ?? 0,
        text: whole,
        paragraphs,
        chunks,
        chunkCount: chunks.length,
        hasPartner: chunks.length > 1,
        copyOf,
      };
    });
    const alone = documents.filter(({ hasPartner }) => !hasPartner);
    const copies = documents.filter(({ copyOf }) => copyOf !== undefined);
    const named = (some: readonly DocumentPreview[]) => ({
      count: some.length,
      titles: some.map(({ title }) => title),
    });
    const chunkCount = documents.reduce((sum, one) => sum + one.chunkCount, 0);
    return {
      unit,
      isGuessed: documentUnit === 'auto',
      units: [
        { unit: isTable ? 'line' : 'paragraph', documents: pieces.length },
        { unit: 'whole', documents: 1 },
      ],
      documentCount: documents.length,
      chunkCount,
      partneredChunks: chunkCount - alone.length,
      heldOutDocuments: documents.length < 8 ? 0 : 3,
      from,
      documents: documents.slice(from, from + atOnce),
      alone: named(alone),
      copies: named(copies),
      chunkTokens: 30,
      isLengthChosen: configuration.chunkFit === 'auto',
      countedIn: 'estimate',
      columns: rows?.columns,
      notices: ['A notice about the text.'],
    };
  }

  async function read({ files }: CommandOf<'readFiles'>): Promise<GivenText> {
    const texts = await Promise.all(files.map(async ({ path, blob }) => ({ name: path, text: await blob.text() })));
    const binary = texts.find(({ text }) => text.includes('\0'));
    if (binary) throw new Error(`${binary.name} is not plain text.`);
    return { files: texts };
  }

  Object.assign(window, { texts: { preview, read } satisfies ScriptedTexts });
}
