import { MAXIMUM_TEXT_BYTES, pastedText, type GivenText } from '../src/corpus/given.ts';
import { loadProse, proseCollections } from '../src/corpus/sources/prose.ts';
import { readSources } from '../src/corpus/sources/readers/readers.ts';
import { setUpCorpus } from '../src/run/corpusSetup.ts';
import { previewText } from '../src/run/textPreview.ts';
import { configure } from '../src/settings/configuration.ts';
import { formatTable, type Row } from './table.ts';

const COLUMNS = [
  { key: 'name', title: 'text' },
  { key: 'megabytes', title: 'MB' },
  { key: 'read', title: 'read, s' },
  { key: 'preview', title: 'preview, s' },
  { key: 'corpus', title: 'corpus of a run, s' },
  { key: 'documents', title: 'documents' },
  { key: 'chunks', title: 'chunks' },
];

const CONFIGURATION = configure({ source: 'text', vocabulary: 1024 });

/** The kinds of files, as made of the built-in essays told again and again. */
const KINDS: Readonly<Record<string, (paragraphs: readonly string[]) => string>> = {
  'a.md': (paragraphs) => paragraphs.map((text, i) => (i % 6 === 0 ? `# Part ${i}\n\n${text}` : text)).join('\n\n'),
  'a.txt': (paragraphs) => paragraphs.join('\n\n'),
  'a.csv': (paragraphs) => `id,text\n${paragraphs.map((text, i) => `${i},"${text.replaceAll('"', '""')}"`).join('\n')}`,
  'a.jsonl': (paragraphs) => paragraphs.map((text, id) => JSON.stringify({ id, text })).join('\n'),
  'a.html': (paragraphs) =>
    paragraphs.map((text, i) => `${i % 6 === 0 ? `<h2>Part ${i}</h2>` : ''}<p>${text}`).join('\n'),
};

/**
 * Seconds of processor time that texts of one's own take, from a file to the chunks of a run: `npm run bench:texts`. A quarter of the
 * largest text and the largest stand beside each other: four times the time, or less.
 */
export async function main(): Promise<number> {
  const essays = (await Promise.all(proseCollections.map(({ id }) => loadProse(id)))).flat();
  const paragraphs = essays.flatMap((essay) => essay.paragraphs);
  const rows: Row[] = [];
  for (const [name, make] of Object.entries(KINDS))
    for (const bytes of [MAXIMUM_TEXT_BYTES / 4, MAXIMUM_TEXT_BYTES]) {
      const content = new TextEncoder().encode(make(repeated(paragraphs, 0.9 * bytes)));
      const source = { name, size: content.length, bytes: () => Promise.resolve(content) };
      const read = await timed(() => readSources([source]));
      const text: GivenText = name === 'a.html' ? pastedText(name, read.result.files[0]?.text ?? '') : read.result;
      const preview = await timed(() => previewText(text, CONFIGURATION));
      const corpus = await timed(() => setUpCorpus(CONFIGURATION, { text }));
      const { documentCount: documents, chunkCount: chunks } = preview.result;
      const megabytes = content.length / 2 ** 20;
      rows.push({
        name,
        megabytes,
        read: read.seconds,
        preview: preview.seconds,
        corpus: corpus.seconds,
        documents,
        chunks,
      });
    }
  process.stdout.write(`${formatTable(COLUMNS, rows)}\n`);
  return 0;
}

/** The paragraphs again and again up to a length, each time with other words in them, so that none are copies. */
function repeated(paragraphs: readonly string[], characters: number): string[] {
  const found: string[] = [];
  let length = 0;
  for (let round = 0; ; round++)
    for (const paragraph of paragraphs) {
      const text = paragraph.replaceAll(' the ', ` the word${round} `);
      length += text.length + 2;
      if (length > characters) return found;
      found.push(text);
    }
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, seconds: (user + system) / 1e6 };
}
