import { readdirSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import type { GivenText } from '../../src/corpus/given.ts';
import { makePdf } from '../corpus/readers/makePdf.ts';

/** The built worker of the lab, by its name. */
const worker = (): string => readdirSync('dist/assets').find((name) => /^worker-.*\.js$/.test(name)) ?? '';

test('the lab reads a PDF, a page and a table of rows in the browser, with readers that are fetched for them', async ({
  page,
}) => {
  await page.goto('./');
  const pdf = [...makePdf([[{ text: 'The keeper lit the \\256re before dawn.', y: 60 }]])];
  const read = await page.evaluate(
    ([address, bytes]) => {
      const files = [
        { path: 'a.pdf', blob: new Blob([new Uint8Array(bytes)]) },
        {
          path: 'b.html',
          blob: new Blob(['<h1>Ice</h1><p>A glacier &amp; its <b>valley</b>.</p><script>no()</script>']),
        },
        { path: 'c.csv', blob: new Blob(['id,text\n1,"Bread, and salt."\n']) },
      ];
      const lab = new Worker(address, { type: 'module' });
      return new Promise<unknown>((done, fail) => {
        lab.onerror = () => fail(new Error('The worker did not start.'));
        lab.onmessage = ({ data }: MessageEvent<{ kind: string; answer?: unknown; error?: { message: string } }>) => {
          if (data.kind === 'answer') done(data.answer);
          if (data.kind === 'failure') fail(new Error(data.error?.message));
        };
        lab.postMessage({ kind: 'ask', id: 1, command: { type: 'readFiles', files } });
      });
    },
    [`./assets/${worker()}`, pdf] as const,
  );
  expect((read as GivenText).files).toEqual([
    { name: 'a.pdf', text: 'The keeper lit the fire before dawn.' },
    { name: 'b.html', text: '# Ice\n\nA glacier & its valley.' },
    { name: 'c.csv', text: 'id,text\n1,"Bread, and salt."\n' },
  ]);
});
