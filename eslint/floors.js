/**
 * ESLint rule: the floors of ARCHITECTURE.md. Every folder of src/ may import from itself and from what FLOORS lists for
 * it, nothing else; from base, on which all stand, every one may. `types` allows type-only imports, `code` allows all. Package
 * imports are not looked at.
 * `files` stands beside models but uses models and ops: what it reads, it loads into a model's tensors.
 */
import { dirname, posix, relative, resolve, sep } from 'node:path';

/** @type {Record<string, { code?: string[], types?: string[] }>} */
const FLOORS = {
  base: {},
  gpu: { code: ['shaders'] },
  ops: { code: ['gpu', 'shaders'] },
  models: { code: ['ops', 'gpu'] },
  corpus: { types: ['retrieval'] },
  retrieval: { types: ['corpus'] },
  files: { code: ['models', 'ops'], types: ['gpu'] },
  tables: {},
  objectives: { code: ['tables', 'models', 'ops', 'gpu', 'corpus', 'retrieval'], types: ['settings'] },
  training: { code: ['objectives', 'models', 'ops', 'gpu'] },
  settings: { types: ['tables'] },
  record: { types: ['settings'] },
  run: {
    code: [
      'record',
      'training',
      'objectives',
      'tables',
      'models',
      'ops',
      'gpu',
      'corpus',
      'retrieval',
      'files',
      'settings',
    ],
  },
  lab: {
    code: [
      'run',
      'record',
      'training',
      'objectives',
      'tables',
      'models',
      'ops',
      'gpu',
      'corpus',
      'retrieval',
      'files',
      'settings',
    ],
  },
  worker: { code: ['lab', 'files'] },
  cli: {
    code: [
      'lab',
      'run',
      'record',
      'training',
      'objectives',
      'tables',
      'models',
      'ops',
      'gpu',
      'corpus',
      'retrieval',
      'files',
      'settings',
    ],
  },
  ui: { code: ['lab', 'settings', 'tables', 'record'], types: ['run'] },
};

/** What every floor may import from. */
const BOTTOM = 'base';

/** Who may start src/worker.ts (`?worker`): that loads its own bundle, and only messages cross. */
const MAY_START_WORKER = ['lab', 'ui'];

/** Files directly in src/: the worker has its own floor, the page's entry belongs to the page. */
const ENTRIES = { 'worker.ts': 'worker', 'main.ts': 'ui' };

/** Folders that exist to look at src/: it must not know them. */
const OUTSIDE = ['tests', 'bench', 'scripts', 'eslint'];

/**
 * @param {string} path relative to the project, with slashes
 * @returns {string | undefined} its floor; `?` for a file in src/ that has none; undefined for what the rule leaves alone
 */
function floorOf(path) {
  const [top, folder] = path.split('/');
  if (top === 'shaders') return 'shaders';
  if (OUTSIDE.includes(top)) return top;
  if (path === 'src/run/record.ts') return 'record';
  if (/^src\/objectives\/(.*\/)?(tables?|recallMetrics)\.ts$/.test(path)) return 'tables';
  if (top !== 'src' || folder === undefined || folder.endsWith('.d.ts')) return undefined;
  if (folder in ENTRIES) return ENTRIES[folder];
  return folder in FLOORS ? folder : '?';
}

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    docs: { description: 'Imports between the folders of src/ go down the floors of ARCHITECTURE.md' },
    schema: [{ type: 'object', properties: { root: { type: 'string' } }, additionalProperties: false }],
    messages: {
      homeless: 'src/{{path}} belongs to no floor: move it into one of the folders of eslint/floors.js.',
      forbidden: '{{from}} must not import from {{to}}. It may import from: {{allowed}}.',
      typesOnly: '{{from}} may import types from {{to}}, and only with `import type`.',
    },
  },
  create(context) {
    const root = context.options[0]?.root ?? context.cwd;
    const path = relative(root, context.filename).split(sep).join('/');
    const from = path.startsWith('src/') ? floorOf(path) : undefined;
    if (from === undefined) return {};

    /** @param {any} source the node of the specifier */
    function check(source, isType) {
      if (typeof source?.value !== 'string') return;
      const [specifier, query = ''] = source.value.split('?');
      if (!/^\.{0,2}\//.test(specifier)) return;
      const target = specifier.startsWith('/')
        ? posix.normalize(specifier.slice(1))
        : relative(root, resolve(dirname(context.filename), specifier))
            .split(sep)
            .join('/');
      const to = floorOf(target);
      if (to === undefined || to === from) return;
      if (to === 'worker' && /^(shared)?worker\b/.test(query) && MAY_START_WORKER.includes(from)) return;

      const { types = [] } = FLOORS[from];
      const code = from === BOTTOM ? [] : [BOTTOM, ...(FLOORS[from].code ?? [])];
      if (code.includes(to)) return;
      if (types.includes(to)) {
        if (!isType) context.report({ node: source, messageId: 'typesOnly', data: { from, to } });
        return;
      }
      const allowed = [from, ...code, ...types.map((name) => `${name} (types)`)].join(', ');
      context.report({ node: source, messageId: 'forbidden', data: { from, to, allowed } });
    }

    if (from === '?') {
      const data = { path: path.slice('src/'.length) };
      return { Program: (node) => context.report({ node, messageId: 'homeless', data }) };
    }
    return {
      ImportDeclaration: (node) => check(node.source, node.importKind === 'type'),
      ExportNamedDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ExportAllDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ImportExpression: (node) => check(node.source, false),
      TSImportType: (node) => check(node.source ?? node.argument?.literal, true),
      // import.meta.glob('../ops/*.ts') imports as well.
      'CallExpression[callee.object.type="MetaProperty"][callee.property.name="glob"]': (node) => {
        const [patterns] = node.arguments;
        for (const pattern of patterns?.type === 'ArrayExpression' ? patterns.elements : [patterns]) {
          check(pattern, false);
        }
      },
    };
  },
};
