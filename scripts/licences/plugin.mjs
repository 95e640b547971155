/**
 * Vite plugin: LICENSES.txt beside the built page, with the licence of the project and of every package that it or one of its workers
 * contains. Vite's own `build.license` knows nothing of workers, which hold most of them.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const FILE_NAME = 'LICENSES.txt';
const fileAt = (/** @type {string} */ path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const OWN = fileAt('LICENSE');
/** Texts of others that come with the page. */
const TEXTS = [
  {
    title: 'The collections python-faq and stdlib-code: documentation and standard library of Python 3.11 (PSF-2.0)',
    file: fileAt('src/evaluation/collections/builtIn/PSF-LICENSE.txt'),
  },
];
const RULE = `\n\n${'-'.repeat(80)}\n\n`;

/** @returns {{ page: import('vite').Plugin, worker: () => import('vite').Plugin }} for `plugins` and `worker.plugins`. */
export function licences() {
  /** @type {Set<string>} folders of packages */
  const folders = new Set();
  /** @type {import('vite').Plugin['generateBundle']} */
  const generateBundle = (_, bundle) => {
    for (const output of Object.values(bundle)) {
      const files = output.type === 'chunk' ? Object.keys(output.modules) : (output.originalFileNames ?? []);
      for (const file of files) {
        const folder = packageOf(file);
        if (folder) folders.add(folder);
      }
    }
  };
  let out = '';
  return {
    page: {
      name: 'licences',
      apply: 'build',
      configResolved(config) {
        out = resolve(config.root, config.build.outDir);
      },
      generateBundle,
      async closeBundle(error) {
        if (!error) await writeFile(join(out, FILE_NAME), await licencesText([...folders]));
      },
    },
    worker: () => ({ name: 'licences of a worker', apply: 'build', generateBundle }),
  };
}

/**
 * The folder of the package that a file belongs to; undefined for files of the project.
 * @param {string} file as the bundler names it
 */
export function packageOf(file) {
  const path = file
    .replace(/^\0+/, '')
    .replace(/[?#].*$/, '')
    .replaceAll('\\', '/');
  const found = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
  return found?.[1] && existsSync(join(found[1], 'package.json')) ? found[1] : undefined;
}

/**
 * @param {string[]} folders of packages
 * @throws {Error} for a package that names no licence: then nobody may pass it on.
 */
export async function licencesText(folders) {
  const packages = await Promise.all(folders.map(licenceOf));
  const listed = [...new Map(packages.map((one) => [one.title, one.text])).entries()].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const own = await readFile(OWN, 'utf8');
  const texts = await Promise.all(TEXTS.map(async ({ title, file }) => `${title}\n\n${await readFile(file, 'utf8')}`));
  return (
    [
      `This page is the Revela playground, under this licence. What it contains of others follows: ${listed.length} packages.\n\n${own.trim()}`,
      ...listed.map(([title, text]) => `${title}\n\n${text}`),
      ...texts,
    ].join(RULE) + '\n'
  );
}

/** @param {string} folder */
async function licenceOf(folder) {
  const { name, version, license, author, homepage } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (typeof license !== 'string') throw new Error(`${name} names no licence: the page cannot be passed on with it.`);
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const by = typeof author === 'object' ? author?.name : author;
  const text = texts.map((one) => one.trim()).join('\n\n') || `Licence: ${license}.${by ? ` © ${by}.` : ''}`;
  return { title: `${name} ${version} (${license})${homepage ? `, ${homepage}` : ''}`, text };
}
