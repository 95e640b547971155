import { describe, expect, it } from 'vitest';
import { MAXIMUM_TEXT_BYTES, readFiles, readText } from '../../src/corpus/sources/documents.ts';
import { Random } from '../../src/corpus/random.ts';
import { randomText, withoutSpace } from './helpers.ts';

const titles = (text: string): string[] => readText('The text', text).documents.map((document) => document.title);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const code = (expected: string): unknown => expect.objectContaining({ name: 'CorpusError', code: expected });

describe('readText', () => {
  it('divides at rules first', () => {
    const { documents } = readText(
      'x',
      '# Bread\nFlour.\n\nWater.\n---\nTides rise.\n# Not a boundary\n***\n\n***\nLast.',
    );
    expect(documents).toEqual([
      { title: 'Bread', paragraphs: ['Flour.', 'Water.'] },
      { title: 'Tides rise. # Not a boundary', paragraphs: ['Tides rise.\n# Not a boundary'] },
      { title: 'Last.', paragraphs: ['Last.'] },
    ]);
  });

  it('divides at headings, outside code fences, and keeps headings without text', () => {
    const { documents } = readText(
      'x',
      'Intro text.\n# One ##\n## Sub\nBody.\n```\n# a comment\n```\n# Two\nMore.\n# End',
    );
    expect(documents).toEqual([
      { title: 'Intro text.', paragraphs: ['Intro text.'] },
      { title: 'One · Sub', paragraphs: ['Body.\n```\n# a comment\n```'] },
      { title: 'Two', paragraphs: ['More.'] },
      { title: 'End', paragraphs: ['End'] },
    ]);
  });

  it('divides at wide gaps', () => {
    expect(titles('First one.\n\nStill first.\n\n \nSecond one.\r\n\r\n\r\nThird.')).toEqual([
      'First one.',
      'Second one.',
      'Third.',
    ]);
  });

  it('gathers paragraphs into sections of 80 words where nothing else divides', () => {
    const paragraph = (name: string): string => `${name} ${'word '.repeat(49)}end.`;
    const names = ['A', 'B', 'C', 'D', 'E'];
    for (const gap of ['\n\n', '\n']) {
      const { documents } = readText('x', names.map(paragraph).join(gap));
      expect(documents.map((document) => document.paragraphs.map((text) => text[0]).join(''))).toEqual(['AB', 'CDE']);
      expect(documents[0]?.title).toBe('A word word word word word…');
    }
  });

  it('makes one document of a single paragraph', () => {
    expect(titles('Only this.')).toEqual(['Only this.']);
    expect(titles('# Title\nOnly this.')).toEqual(['Title']);
    expect(titles('Only this.\n---\n')).toEqual(['Only this.']);
  });

  it('loses no characters of random texts', () => {
    for (let seed = 0; seed < 30; seed++) {
      const text = randomText(Random.fromSeed(seed), 40);
      const { documents, notices } = readText('x', seed % 2 === 0 ? text : bytes(text));
      expect(withoutSpace(documents.flatMap((document) => document.paragraphs).join(''))).toBe(withoutSpace(text));
      expect(notices).toEqual([]);
    }
  });

  it('reads UTF-16 files and byte order marks', () => {
    const utf16 = new Uint8Array([0xff, 0xfe, ...[...'Hé.'].flatMap((c) => [c.charCodeAt(0), 0])]);
    expect(readText('x', utf16).documents[0]?.paragraphs).toEqual(['Hé.']);
    expect(readText('x', bytes('\uFEFFHé.')).documents[0]?.paragraphs).toEqual(['Hé.']);
  });

  it('refuses empty text', () => {
    for (const text of ['', ' \n\t ', '\uFEFF', '---\n***']) {
      expect(() => readText('The text', text), JSON.stringify(text)).toThrow(code('empty-text'));
    }
  });

  it('refuses binary content and repairs a little damage', () => {
    const random = Random.fromSeed(7);
    const noise = Uint8Array.from({ length: 4000 }, () => random.integer(256));
    const latin1 = Uint8Array.from('Die Bäume blühen früh. '.repeat(20), (c) => c.charCodeAt(0));
    expect(() => readText('photo.png', noise)).toThrow(code('binary-file'));
    expect(() => readText('photo.png', noise)).toThrow(/photo\.png is not plain text/);
    expect(() => readText('a.txt', 'half a\0word '.repeat(5))).toThrow(code('binary-file'));
    expect(() => readText('old.txt', latin1)).toThrow(code('binary-file'));

    const scratched = bytes('The quick heron waits. '.repeat(50));
    scratched[10] = 0xff;
    const { documents, notices } = readText('scratched.txt', scratched);
    expect(notices.map((notice) => notice.code)).toEqual(['repaired-text']);
    expect(documents[0]?.paragraphs[0]).not.toContain('\uFFFD');
  });

  it('takes 5 MB and refuses more, counted in bytes', () => {
    const line = 'The heron waits where the river bends, and the fish pass between its shadows.\n\n';
    const text = line.repeat(Math.floor(MAXIMUM_TEXT_BYTES / line.length));
    expect(readText('x', text).documents.length).toBeGreaterThan(1000);
    expect(readText('x', bytes('x'.repeat(MAXIMUM_TEXT_BYTES))).documents).toHaveLength(1);
    expect(() => readText('big.txt', 'é'.repeat(MAXIMUM_TEXT_BYTES / 2 + 1))).toThrow(code('too-large'));
    expect(() => readText('big.txt', new Uint8Array(7 * 1024 * 1024))).toThrow(/big\.txt is 7\.0 MB.*limit is 5 MB/);
  });
});

describe('readFiles', () => {
  it('titles single documents by their file', () => {
    const { documents } = readFiles([
      { name: 'a.txt', content: 'Only this.' },
      { name: 'b.md', content: bytes('# One\nBody.\n# Two\nMore.') },
    ]);
    expect(documents.map((document) => document.title)).toEqual(['a.txt', 'One', 'Two']);
  });
});
