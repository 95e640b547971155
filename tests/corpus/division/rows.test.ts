import { describe, expect, test } from 'vitest';
import type { GivenText } from '../../../src/corpus/given.ts';
import { Random } from '../../../src/corpus/random.ts';
import { readCsv } from '../../../src/corpus/sources/division/csvRows.ts';
import { CorpusError } from '../../../src/corpus/errors.ts';
import { divideText, type Division } from '../../../src/corpus/sources/division/division.ts';
import { readJsonLines, readJsonList } from '../../../src/corpus/sources/division/jsonRows.ts';

const file = (name: string, text: string): GivenText => ({ files: [{ name, text }] });
const LONG = 'Bees live in colonies of many thousands around one queen.';
const ICE = 'A glacier is a river of ice that moves by its own weight.';

describe('tables', () => {
  test('the column of most words is read, another where it is asked for, and a title names the row', async () => {
    const table = file('animals.csv', `id,title,text,note\n1,Bees,"${LONG}",short\n2,Ice,"${ICE}",cold\n`);
    const { documents, unit, columns, isGuessed } = await divideText(table);
    expect(documents).toEqual([
      { title: 'Bees', paragraphs: [LONG], places: [], file: 0 },
      { title: 'Ice', paragraphs: [ICE], places: [], file: 0 },
    ]);
    expect([unit, isGuessed]).toEqual(['line', true]);
    expect(columns).toEqual({ columns: ['text', 'title', 'note'], chosen: 'text' });
    const notes = await divideText(table, { column: 'NOTE' });
    expect(notes.documents.map(({ paragraphs }) => paragraphs)).toEqual([['short'], ['cold']]);
    const missing = await divideText(table, { column: 'body' });
    expect(missing.columns?.chosen).toBe('text');
    expect(missing.notices[0]?.message).toMatch(/no column “body”, so “text” is read\. It has: id, title, text, note/);
  });

  test('rows without text are left out with a note, and a file without any is refused', async () => {
    const { notices, documents } = await divideText(file('a.csv', `id,text\n1,${LONG}\n2,\n3,${ICE}\n`));
    expect(documents).toHaveLength(2);
    expect(notices.map(({ message }) => message)).toEqual([
      '1 of 3 rows of a.csv have nothing in “text” and are left out.',
    ]);
    await expect(divideText(file('b.csv', 'a,b\n1,2\n3,4\n'))).rejects.toThrow(/b\.csv has no column of text: a, b/);
  });

  test('names of columns are told from a first row of text; tabs, semicolons and quotes are read', async () => {
    expect(await readCsv('a', `${LONG}\n${ICE}\n`)).toMatchObject({ columns: ['Column 1'], rows: [[LONG], [ICE]] });
    expect(await readCsv('a', `a;b\n"x; ""y""\nz";${LONG}\n`)).toMatchObject({
      columns: ['a', 'b'],
      rows: [['x; "y"\nz', LONG]],
    });
    const tabs = await divideText(file('a.tsv', `id\ttext\n1\t${LONG}, and so on\n`));
    expect(tabs.documents[0]?.paragraphs).toEqual([`${LONG}, and so on`]);
    expect((await readCsv('a.csv', `id,text\n1,"never closed\n2,${ICE}`)).notes).toEqual([
      expect.stringMatching(/quotes that do not match/),
    ]);
  });

  test('a row may be divided further, or all be one', async () => {
    const table = file('a.csv', `text,id\n"${LONG}\n\n${ICE}",1\n"${ICE}",2\n`);
    const units = (await divideText(table)).units.map(({ unit, documents }) => [unit, documents]);
    expect(units).toEqual([
      ['line', 2],
      ['paragraph', 3],
      ['section', 2],
      ['whole', 1],
    ]);
  });
});

describe('JSON', () => {
  test('lines are texts, objects, or objects of lists of messages', async () => {
    const lines = [
      JSON.stringify({ id: 1, data: { text: LONG } }),
      '',
      JSON.stringify({ id: 2, data: { text: ICE } }),
      '{broken',
    ];
    const { documents, columns, notices } = await divideText(file('a.jsonl', lines.join('\n')));
    expect(documents.map(({ paragraphs }) => paragraphs)).toEqual([[LONG], [ICE]]);
    expect(columns?.chosen).toBe('data.text');
    expect(notices.map(({ message }) => message)).toEqual([
      '1 of 3 lines of a.jsonl are no JSON and are left out (the first is line 4).',
    ]);
    const talk = {
      messages: [
        { role: 'user', content: 'What is ice?' },
        { role: 'assistant', content: ICE },
      ],
    };
    expect(readJsonLines('a', JSON.stringify(talk))).toMatchObject({
      columns: ['messages'],
      rows: [[`What is ice?\n\n${ICE}`]],
    });
    expect(readJsonLines('a', `"${LONG}"\n"${ICE}"`)).toMatchObject({ columns: ['text'], rows: [[LONG], [ICE]] });
    expect(() => readJsonLines('a.jsonl', 'no\nrows')).toThrow(
      /a\.jsonl has no line of JSON: 2 lines are something else/,
    );
  });

  test('lists, one within an object, and lines under another name', () => {
    expect(readJsonList('a', JSON.stringify([LONG, { text: ICE }])).rows).toEqual([[LONG], [ICE]]);
    expect(readJsonList('a', JSON.stringify({ version: 1, rows: [{ a: ICE }] })).rows).toEqual([[ICE]]);
    expect(readJsonList('a', `{"text": "${LONG}"}\n{"text": "${ICE}"}\n`).rows).toEqual([[LONG], [ICE]]);
    expect(() => readJsonList('a.json', '{"a": 1}')).toThrow(/no list of texts or objects/);
    expect(() => readJsonList('a.json', '[1, 2')).toThrow(/a\.json is no JSON/);
  });
});

describe('whatever stands in a file', () => {
  const CELLS = ['', 'a', '12', 'two words', '"', '""', ',', ';', '\t', '\n', '\r\n', 'é🙂', ' ', `${ICE}`];
  const cell = (random: Random): string => {
    let text = '';
    for (let i = random.integer(3); i >= 0; i--) text += CELLS[random.integer(CELLS.length)] ?? '';
    return text;
  };

  test('20,000 tables come back as they were written', async () => {
    const random = Random.fromSeed(5);
    for (let n = 0; n < 20_000; n++) {
      const width = 1 + random.integer(4);
      const rows = Array.from({ length: 2 + random.integer(3) }, (_, i) =>
        Array.from({ length: width }, (__, j) => (i === 0 ? `name ${j}` : cell(random))),
      ).filter((row) => row.some((text) => text.trim() !== ''));
      const written = rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')).join('\n');
      const found = await readCsv('a.csv', written, ',');
      const isNamed = found.columns[0] === 'name 0';
      const back = JSON.stringify([isNamed ? [found.columns, ...found.rows] : found.rows, found.notes]);
      // An expectation costs more than what it looks at.
      if (back !== JSON.stringify([rows, []])) expect(back, written).toBe(JSON.stringify([rows, []]));
    }
  });

  test('20,000 files of anything are read, or refused in words', async () => {
    const random = Random.fromSeed(6);
    const parts = [...CELLS, '{', '}', '[', ']', ':', '"text"', '"a"', 'null', '1e9', '\\u', '\0', '\uFFFD'];
    for (let n = 0; n < 20_000; n++) {
      let text = '';
      for (let i = random.integer(16); i >= 0; i--) text += parts[random.integer(parts.length)] ?? '';
      const name = `a.${['csv', 'tsv', 'jsonl', 'json'][n % 4]}`;
      const found: unknown = await divideText(file(name, text)).catch((cause: unknown) => cause);
      const isRefused = found instanceof CorpusError && found.message.endsWith('.');
      const isRead = (): boolean =>
        (found as Division).documents.every(({ paragraphs }) => paragraphs.every((one) => one.trim() !== ''));
      if (!isRefused && !isRead()) expect(found, text).toBe('read, or refused in words');
    }
  });

  test('JSON lines: what is good is kept, in order', () => {
    const random = Random.fromSeed(7);
    for (let n = 0; n < 10_000; n++) {
      const lines = Array.from({ length: 1 + random.integer(5) }, () =>
        random.integer(3) === 0
          ? '{"a": '
          : JSON.stringify(random.integer(2) === 0 ? cell(random) : { text: cell(random) }),
      );
      const good = lines
        .filter((line) => line !== '{"a": ')
        .map((line) => JSON.parse(line) as string | { text: string });
      if (good.length === 0) continue;
      const { rows } = readJsonLines('a', lines.join('\n'));
      const back = JSON.stringify(rows.map(([text]) => text));
      const expected = JSON.stringify(good.map((value) => (typeof value === 'string' ? value : value.text)));
      if (back !== expected) expect(back).toBe(expected);
    }
  });
});
