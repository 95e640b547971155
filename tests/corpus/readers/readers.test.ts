import { describe, expect, test } from 'vitest';
import { MAXIMUM_TEXT_BYTES } from '../../../src/corpus/given.ts';
import { Random } from '../../../src/corpus/random.ts';
import { readHtml } from '../../../src/corpus/sources/readers/html.ts';
import { readPlainText } from '../../../src/corpus/sources/readers/plainText.ts';
import { ACCEPTED_FILES, readSources, type SourceFile } from '../../../src/corpus/sources/readers/readers.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const source = (name: string, content: string | Uint8Array): SourceFile => {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  return { name, size: bytes.length, bytes: () => Promise.resolve(bytes) };
};
const read = async (...files: SourceFile[]) => (await readSources(files)).files;

describe('encodings', () => {
  test.each([
    ['UTF-8', utf8('Hé 🙂'), 'Hé 🙂', []],
    ['a mark before UTF-8', utf8('\uFEFFHé'), 'Hé', []],
    ['UTF-16 with a mark', Uint8Array.of(0xff, 0xfe, 0x48, 0, 0xe9, 0), 'Hé', []],
    [
      'UTF-16 without',
      Uint8Array.from('Hé, quoi', (c) => c.charCodeAt(0)).reduce<number[]>((all, byte) => [...all, byte, 0], []),
      'Hé, quoi',
      [/UTF-16/],
    ],
    ['Latin-1', latin1('Die Bäume blühen früh.'), 'Die Bäume blühen früh.', [/read as Windows-1252 \(Latin-1\)/]],
    ['Windows-1252', latin1('\x93Quote\x94 \x80 5'), '“Quote” € 5', [/Windows-1252/]],
    [
      'UTF-8 with some damage',
      Uint8Array.of(...utf8('Bäume blühen früh '), 0xff, ...utf8('und spät')),
      'Bäume blühen früh und spät',
      [/U\+FFFD/],
    ],
  ])('%s', async (_, bytes, text, notes) => {
    const [file] = await read(source('a.txt', Uint8Array.from(bytes)));
    expect(file?.text).toBe(text);
    expect(file?.notes ?? []).toEqual(notes.map((note) => expect.stringMatching(note) as string));
  });

  test('what is no text is refused, whatever it is called', async () => {
    const random = Random.fromSeed(7);
    const noise = Uint8Array.from({ length: 4000 }, () => random.integer(256));
    expect(() => readPlainText('photo.txt', noise)).toThrow(/photo\.txt is not plain text/);
    await expect(read(source('photo.png', noise))).rejects.toMatchObject({ code: 'binary-file' });
  });
});

describe('pages', () => {
  const page = (body: string, head = ''): string =>
    readHtml('a.html', utf8(`<!doctype html><html><head>${head}</head><body>${body}</body></html>`)).text;

  test('headings, paragraphs, lists and code are kept; scripts, styles and navigation are not', () => {
    expect(
      page(
        '<nav><a>Home</a></nav><h1>Bees &amp;\n honey</h1><p>They <em>live</em> in<br>hives.<p>Each has a queen.' +
          '<ul><li>wax<li>honey</ul><script>let a = "<p>";</script><style>p {}</style><pre>a\n  # b</pre><hr><p hidden>End</p><footer>©</footer>',
        '<title>Shop</title>',
      ),
    ).toBe(
      '# Bees & honey\n\nThey live in hives.\n\nEach has a queen.\n\n- wax\n- honey\n\n```\na\n  # b\n```\n\n---\n\nEnd',
    );
  });

  test('where a page marks its main part, only that is read, its own header with it', () => {
    expect(page('<div>Buy!</div><main><header><h2>Ice</h2></header><p>It flows.</p></main><div>More</div>')).toBe(
      '## Ice\n\nIt flows.',
    );
  });

  test('a page without a heading is called what its window is', () => {
    expect(page('<p>Text.</p>', '<title>The\n page</title>')).toBe('# The page\n\nText.');
  });

  test('it is read in the encoding that it names', () => {
    const bytes = latin1('<meta charset="iso-8859-1"><p>früh</p>');
    expect(readHtml('a.html', bytes)).toEqual({ text: 'früh', notes: [] });
  });

  test('a page that scripts would fill is refused in words', () => {
    expect(() => readHtml('app.html', utf8('<div id="root"></div><script>run()</script>'))).toThrow(
      /app\.html holds no text/,
    );
  });

  test('10,000 pages of anything are read without a failure', () => {
    const parts = [
      '<p>',
      '</p>',
      '<div',
      '>',
      '<pre>',
      '</pre>',
      '<main>',
      '</main>',
      '<li>',
      '<script>',
      '</script>',
      '<h2>',
      '</header>',
      '<header>',
      '&amp;',
      '&#x1F;',
      'text ',
      '`',
      '<!--',
      '-->',
      '"',
      '<td>',
      '</nav>',
      '<nav>',
    ];
    const random = Random.fromSeed(3);
    for (let n = 0; n < 10_000; n++) {
      let text = 'word ';
      for (let i = random.integer(12); i >= 0; i--) text += parts[random.integer(parts.length)] ?? '';
      const { text: found } = readHtml('a.html', utf8(text));
      const isWhole = text.includes('<main>') || found.includes('word');
      if (!isWhole || /<script|<pre/.test(found)) expect(found, text).toBe('the text alone');
    }
  });
});

describe('several files', () => {
  test('come in the order of their names, numbers by their value', async () => {
    const files = await read(source('b/10.txt', 'ten'), source('b/2.md', 'two'), source('b/1.txt', 'one'));
    expect(files.map(({ name }) => name)).toEqual(['b/1.txt', 'b/2.md', 'b/10.txt']);
  });

  test('of a folder, files of other kinds are named and left out, hidden ones without a word', async () => {
    const files = await read(
      source('b/a.txt', 'A.'),
      source('b/photo.png', '\0'),
      source('b/.git/x.txt', 'x'),
      source('b/empty.txt', ' '),
    );
    expect(files).toEqual([
      { name: 'b/a.txt', text: 'A.', notes: [expect.stringMatching(/^Left out.*: b\/photo\.png\.$/)] },
    ]);
    await expect(read(source('b/photo.png', '\0'))).rejects.toMatchObject({ code: 'empty-text' });
  });

  test('a PDF is known by its first bytes, a text by nothing else', async () => {
    expect((await read(source('README', 'Read me.')))[0]?.text).toBe('Read me.');
    await expect(read(source('scan', '%PDF-1.4 and then nothing'))).rejects.toMatchObject({ code: 'unreadable-file' });
  });

  test('take 20 MB together, and no more', async () => {
    const half = 'x'.repeat(MAXIMUM_TEXT_BYTES / 2);
    expect(await read(source('a.txt', half), source('b.txt', half))).toHaveLength(2);
    await expect(read(source('a.txt', half), source('b.txt', `${half}x`))).rejects.toThrow(
      /The text of 2 files is 20\.0 MB. The limit is 20 MB/,
    );
    const large = {
      name: 'big.txt',
      size: MAXIMUM_TEXT_BYTES + 2 ** 20,
      bytes: () => Promise.reject(new Error('It was read.')),
    };
    await expect(read(large)).rejects.toThrow(/big\.txt is 21\.0 MB\. The limit is 20 MB/);
  });

  test('say how far they are, and stop when nobody waits any more', async () => {
    const heard: [string, number][] = [];
    const control = new AbortController();
    const files = [source('a.txt', 'A.'), source('b.txt', 'Bee')];
    await readSources(files, { onProgress: (detail, fraction) => heard.push([detail, fraction]) });
    expect(heard).toEqual([
      ['Reading a.txt', 0],
      ['Reading b.txt', 0.4],
    ]);
    const stopped = readSources(files, { signal: control.signal, onProgress: () => control.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
  });

  test('the chooser offers every kind', () => {
    expect(ACCEPTED_FILES.split(',')).toEqual(
      expect.arrayContaining(['.txt', '.md', '.csv', '.tsv', '.jsonl', '.html', '.pdf', 'application/pdf']),
    );
  });
});
