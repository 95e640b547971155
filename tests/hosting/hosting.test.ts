import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { PICTURE, previewTags } from '../../scripts/linkPreview/plugin.mjs';
import { PAPER_BIBTEX, pageBibtex } from '../../src/ui/panels/share/citation.ts';

interface Workflow {
  jobs: Record<string, { steps: { uses?: string; run?: string }[] }>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  version: string;
  license: string;
  scripts: Record<string, string>;
};

/** What the tags say, by their names. */
function tags(site?: string): Record<string, unknown> {
  return Object.fromEntries(
    previewTags(site).map(({ attrs }) => [String(attrs?.property ?? attrs?.name), attrs?.content]),
  );
}

test('link previews name the whole address where it is known, and stay relative where not', () => {
  for (const site of ['https://example.org/revela', 'https://example.org/revela/?x=1#y']) {
    expect(tags(site)).toMatchObject({
      'og:url': 'https://example.org/revela/',
      'og:image': 'https://example.org/revela/preview.png',
      'twitter:image': 'https://example.org/revela/preview.png',
    });
  }
  expect(tags()).toMatchObject({ 'og:image': './preview.png' });
  expect(tags()).not.toHaveProperty('og:url');
  expect(() => tags('example.org')).toThrow(/SITE_URL/);
  const page = readFileSync('index.html', 'utf8');
  for (const name of ['name="description"', 'og:title', 'og:description', 'twitter:card']) expect(page).toContain(name);
});

test('the picture of a link is a PNG of the size that is said', () => {
  const png = readFileSync(`public/${PICTURE.file}`);
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([PICTURE.width, PICTURE.height]);
  expect(png.length).toBeLessThan(300_000);
});

test.each(['tests', 'pages'])('the workflow %s is YAML, takes pinned actions and scripts that there are', (name) => {
  const { jobs } = parse(readFileSync(`.github/workflows/${name}.yml`, 'utf8')) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  expect(steps.length).toBeGreaterThan(3);
  for (const { uses, run } of steps) {
    if (uses !== undefined) expect(uses).toMatch(/^actions\/[\w-]+@v\d+$/);
    const script = /^npm (?:run )?([\w:]+)$/.exec(run ?? '')?.[1];
    if (script !== undefined && script !== 'ci') expect(manifest.scripts, run).toHaveProperty(script);
  }
});

test('the citations agree with each other and with the package', () => {
  const cff = parse(readFileSync('CITATION.cff', 'utf8')) as {
    version: string;
    license: string;
    title: string;
    references: { title: string; authors: { 'family-names': string }[]; url: string; year: number }[];
  };
  expect(cff.version).toBe(manifest.version);
  expect(cff.license).toBe(manifest.license);
  const [paper] = cff.references;
  expect(PAPER_BIBTEX).toContain(`{{${paper!.title}}}`);
  for (const { 'family-names': family } of paper!.authors) expect(PAPER_BIBTEX).toContain(family);
  expect(PAPER_BIBTEX.split(' and ')).toHaveLength(paper!.authors.length);
  expect(paper!.url).toContain(/eprint = \{([\d.]+)\}/.exec(PAPER_BIBTEX)![1]);
  expect(pageBibtex('https://example.org/revela/')).toContain('url = {https://example.org/revela/}');
  expect(pageBibtex('https://example.org/')).toContain(`version = {${manifest.version}}`);
});

test('the guide to hosting is short, and what it names is there', () => {
  const guide = readFileSync('docs/HOSTING.md', 'utf8');
  expect(guide.match(/^\d+\. /gm)).toHaveLength(10);
  for (const [, path = ''] of guide.matchAll(/`(\.github\/[\w./-]+)`/g)) expect(existsSync(path), path).toBe(true);
});
