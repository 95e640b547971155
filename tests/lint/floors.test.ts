import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import { ESLint, Linter } from 'eslint';
import ts from 'typescript-eslint';
import { describe, expect, test } from 'vitest';
import floors from '../../floors.config.js';

/** Files of a made-up project, by path. */
type Files = Readonly<Record<string, string>>;

/** What the rules report on a made-up project, as `rule: from → to`, sorted. */
async function reports(files: Files): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'floors-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const options = { ...floors.options, baseDir: folder, validate: true, ruleSet: { forbidden: floors.forbidden } };
    const { output } = await cruise(['src'], options);
    const { violations } = (output as ICruiseResult).summary;
    return violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`).sort();
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What every imported file holds. */
const MODULE = 'export const value = 1;\nexport interface Type { readonly value: number }\n';

/** Two files of the project, the first importing the second by a path relative to it. */
type Import = readonly [from: string, to: string];

const VALUE = (path: string): string => `import { value } from '${path}';\nexport const own = value;\n`;
const TYPE = (path: string): string => `import type { Type } from '${path}';\nexport type Own = Type;\n`;
const SVELTE = (path: string): string =>
  `<script lang="ts">\n  import { value } from '${path}';\n</script>\n\n{value}\n`;

/** A project in which each file imports what stands beside it, as `code` says it. */
function project(imports: readonly Import[], code: (path: string) => string): Files {
  const files: Record<string, string> = {};
  for (const [from, to] of imports) {
    files[to] = MODULE;
    files[from] = code('../'.repeat(from.split('/').length - 1) + to);
  }
  return files;
}

/** The report of every import, by the rule of the floor that it leaves. */
const reported = (imports: readonly (readonly [...Import, floor: string])[]): string[] =>
  imports.map(([from, to, floor]) => `floors: ${floor}: ${from} → ${to}`).sort();

describe('floors', () => {
  test('lets imports go down', async () => {
    const imports: Import[] = [
      ['src/gpu/a.ts', 'src/gpu/pool.ts'],
      ['src/gpu/b.ts', 'src/base/errors.ts'],
      ['src/gpu/c.ts', 'shaders/add/forward.wgsl'],
      ['src/ops/a.ts', 'src/gpu/pool.ts'],
      ['src/models/a.ts', 'src/ops/add.ts'],
      ['src/files/a.ts', 'src/models/weights.ts'],
      ['src/objectives/a.ts', 'src/models/weights.ts'],
      ['src/objectives/infoNce/a.ts', 'src/objectives/table.ts'],
      ['src/training/a.ts', 'src/objectives/objective.ts'],
      ['src/run/a.ts', 'src/files/hub.ts'],
      ['src/lab/a.ts', 'src/run/recipe.ts'],
      ['src/worker.ts', 'src/lab/lab.ts'],
      ['src/cli/a.ts', 'src/run/recipe.ts'],
      ['src/main.ts', 'src/ui/start.ts'],
      ['src/ui/a.ts', 'src/lab/client.ts'],
      ['src/ui/b.ts', 'src/objectives/revela/table.ts'],
      ['src/ui/c.ts', 'src/objectives/recallMetrics.ts'],
      ['src/ui/d.ts', 'src/run/record.ts'],
      ['src/ui/e.ts', 'src/retrieval/metrics.ts'],
      ['src/ui/f.ts', 'src/objectives/softmax.ts'],
      ['src/objectives/revela/a.ts', 'src/objectives/revela/controls.ts'],
    ];
    expect(await reports(project(imports, VALUE))).toEqual([]);
  });

  test('lets types go where only types may', async () => {
    const imports: Import[] = [
      ['src/corpus/a.ts', 'src/retrieval/bm25.ts'],
      ['src/retrieval/a.ts', 'src/corpus/chunk.ts'],
      ['src/files/a.ts', 'src/gpu/pool.ts'],
      ['src/objectives/a.ts', 'src/settings/table.ts'],
      ['src/settings/a.ts', 'src/objectives/tables.ts'],
      ['src/run/record.ts', 'src/settings/table.ts'],
      ['src/ui/a.ts', 'src/run/recipe.ts'],
    ];
    expect(await reports(project(imports, TYPE))).toEqual([]);
    const asCode = imports.map(([from, to]) => {
      const floor = from === 'src/run/record.ts' ? 'record' : from.split('/')[1];
      return [from, to, `${floor}, types only`] as const;
    });
    expect(await reports(project(imports, VALUE))).toEqual(reported(asCode));
  });

  const UP = [
    ['src/base/errors.ts', 'src/gpu/pool.ts', 'base'],
    ['src/gpu/a.ts', 'src/ops/add.ts', 'gpu'],
    ['src/ops/a.ts', 'src/models/weights.ts', 'ops'],
    ['src/models/a.ts', 'src/files/hub.ts', 'models'],
    ['src/models/b.ts', 'shaders/add/forward.wgsl', 'models'],
    ['src/corpus/a.ts', 'src/gpu/pool.ts', 'corpus'],
    ['src/retrieval/a.ts', 'src/ops/add.ts', 'retrieval'],
    ['src/files/a.ts', 'src/training/trainer.ts', 'files'],
    ['src/files/b.ts', 'src/corpus/chunk.ts', 'files'],
    ['src/objectives/a.ts', 'src/files/hub.ts', 'objectives'],
    ['src/objectives/revela/table.ts', 'src/objectives/objective.ts', 'tables'],
    ['src/objectives/infoNce/table.ts', 'src/ops/add.ts', 'tables'],
    ['src/training/a.ts', 'src/run/recipe.ts', 'training'],
    ['src/settings/a.ts', 'src/objectives/objective.ts', 'settings'],
    ['src/run/record.ts', 'src/run/recipe.ts', 'record'],
    ['src/run/a.ts', 'src/lab/lab.ts', 'run'],
    ['src/lab/a.ts', 'src/ui/start.ts', 'lab'],
    ['src/lab/b.ts', 'src/worker.ts', 'lab'],
    ['src/cli/a.ts', 'src/ui/start.ts', 'cli'],
    ['src/ui/a.ts', 'src/ops/add.ts', 'ui'],
    ['src/ui/b.ts', 'src/objectives/objective.ts', 'ui'],
    ['src/ui/c.ts', 'src/worker.ts', 'ui'],
    ['src/ui/d.ts', 'shaders/add/forward.wgsl', 'ui'],
    ['src/gpu/b.ts', 'tests/reference/sums.ts', 'gpu'],
    ['src/run/b.ts', 'bench/table.ts', 'run'],
    ['src/main.ts', 'scripts/launch.mjs', 'ui'],
  ] as const;
  const imports = UP.map(([from, to]) => [from, to] as const);

  test('reports imports that do not', async () => {
    expect(await reports(project(imports, VALUE))).toEqual(reported(UP));
  });

  test.each<readonly [string, (path: string) => string]>([
    ['types', TYPE],
    ['a type where it is used', (path) => `export let own: import('${path}').Type;\n`],
    ['names handed on', (path) => `export { value } from '${path}';\n`],
    ['all names handed on', (path) => `export * from '${path}';\n`],
    ['files that are loaded later', (path) => `export const later = () => import('${path}');\n`],
    ['files with a query', (path) => `import text from '${path}?raw';\nexport const own = text;\n`],
  ])('sees %s', async (_, code) => {
    expect(await reports(project(imports, code))).toEqual(reported(UP));
  });

  test('sees what components import, and who imports components', async () => {
    const down: Import = ['src/ui/shell/App.svelte', 'src/lab/client.ts'];
    const up = ['src/ui/panels/Panel.svelte', 'src/gpu/pool.ts', 'ui'] as const;
    const component = ['src/lab/a.ts', 'src/ui/panels/Note.svelte', 'lab'] as const;
    const found = await reports({
      ...project([down, [up[0], up[1]]], SVELTE),
      'src/lab/a.ts': "import Note from '../ui/panels/Note.svelte';\nexport const own = Note;\n",
      'src/ui/panels/Note.svelte': '<p>A note</p>\n',
    });
    expect(found).toEqual(reported([up, component]));
  });

  test('reports files that belong to no floor', async () => {
    const files = {
      'src/utilities.ts': "import { value } from './base/errors.ts';\nexport const own = value;\n",
      'src/misc/alone.ts': MODULE,
      'src/base/errors.ts': MODULE,
      'src/declarations.d.ts': 'export {};\n',
    };
    expect(await reports(files)).toEqual([
      'homeless: alone: src/misc/alone.ts → src/misc/alone.ts',
      'homeless: src/utilities.ts → src/base/errors.ts',
    ]);
  });

  test('reports paths that are not relative, which it cannot follow', async () => {
    const files = { 'src/gpu/a.ts': "import '/src/ops/add.ts';\n", 'src/ops/add.ts': MODULE };
    expect(await reports(files)).toEqual(['not found: src/gpu/a.ts → /src/ops/add.ts']);
  });
});

describe('circles', () => {
  test('are reported once each, by types and through components too', async () => {
    const files = {
      'src/ops/a.ts': VALUE('./b.ts'),
      'src/ops/b.ts': TYPE('./c.ts'),
      'src/ops/c.ts': VALUE('./a.ts'),
      'src/ui/panels.ts': "export const load = () => import('./Panel.svelte');\n",
      'src/ui/Panel.svelte': SVELTE('./panels.ts'),
    };
    expect(await reports(files)).toEqual([
      'circle: src/ops/a.ts → src/ops/b.ts',
      'circle: src/ui/Panel.svelte → src/ui/panels.ts',
    ]);
  });

  test('are not seen where two files share a third', async () => {
    const files = { 'src/ops/a.ts': VALUE('./c.ts'), 'src/ops/b.ts': VALUE('./c.ts'), 'src/ops/c.ts': MODULE };
    expect(await reports(files)).toEqual([]);
  });
});

describe('ESLint, for what the graph of imports cannot show', () => {
  /** Rules that `code` breaks in a file of src/ops, of those that are named here. */
  async function broken(code: string): Promise<(string | null)[]> {
    const file = 'src/ops/add.ts';
    const all = (await new ESLint().calculateConfigForFile(file)) as { rules: Linter.RulesRecord };
    const names = ['no-restricted-syntax', '@typescript-eslint/no-import-type-side-effects'];
    const rules = Object.fromEntries(names.map((name) => [name, all.rules[name]]));
    const found = new Linter().verify(
      code,
      [
        {
          files: ['**/*.ts'],
          languageOptions: { parser: ts.parser },
          plugins: { '@typescript-eslint': ts.plugin },
          rules,
        },
      ],
      file,
    );
    return found.map(({ ruleId }) => ruleId);
  }

  test.each([
    ["export const all = import.meta.glob('../gpu/*.ts');", ['no-restricted-syntax']],
    ["export const all = import.meta.glob(['./*.ts', '/src/gpu/*.ts'], { eager: true });", ['no-restricted-syntax']],
    ["export const all = import.meta.glob('./data/*.json');", []],
    // Without the types, the module would still be run.
    ["import { type Type } from '../gpu/pool.ts';", ['@typescript-eslint/no-import-type-side-effects']],
    ["import type { Type } from '../gpu/pool.ts';", []],
  ])('%s', async (code, rules) => {
    expect(await broken(code)).toEqual(rules);
  });
});
