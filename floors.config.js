/**
 * The floors of ARCHITECTURE.md, for dependency-cruiser (`npm run lint`): what each part of src/ may import, and that no imports go
 * in a circle. `code` allows all imports, `types` only those that are gone when it runs. From base, on which all stand, every part
 * may import. Packages are not looked at. Nor are types that a .svelte file imports: its compiler has dropped them by then.
 */

/** @typedef {{ path: string, code?: string[], types?: string[] }} Floor */

/** What the page may import of objectives/: names and drawings of metrics, no engine. */
const TABLES = '(.+/|)(table|tables|recallMetrics)[.]ts$';

/** What is computed of S and A alone, in plain numbers: the page makes A anew from the S of a picture. */
const MATRICES = '^src/(retrieval/metrics|objectives/(softmax|revela/controls))[.]ts$';

/** What a run was, what its scores show, and what steps cost, as plain data: for the page too. */
const RECORD =
  '(record|significance|scaling/(report|picture)|deviceBench/report|precision/report|handover/steps)[.]ts$';

/** All that stands on the engine may use it. */
const ENGINE = [
  'training',
  'objectives',
  'tables',
  'matrices',
  'models',
  'ops',
  'gpu',
  'corpus',
  'retrieval',
  'files',
  'settings',
];

/** @type {Record<string, Floor>} */
const FLOORS = {
  shaders: { path: '^shaders/' },
  base: { path: '^src/base/' },
  gpu: { path: '^src/gpu/', code: ['shaders'] },
  ops: { path: '^src/ops/', code: ['gpu', 'shaders'] },
  models: { path: '^src/models/', code: ['ops', 'gpu'] },
  corpus: { path: '^src/corpus/', types: ['retrieval'] },
  matrices: { path: MATRICES },
  retrieval: { path: '^src/retrieval/(?!metrics[.]ts$)', types: ['corpus'] },
  // Stands beside models but uses models and ops: what it reads, it loads into a model's tensors.
  files: { path: '^src/files/', code: ['models', 'ops'], types: ['gpu'] },
  evaluation: { path: '^src/evaluation/', code: ['retrieval', 'corpus', 'files'] },
  encoder: { path: '^src/encoder/', code: ['corpus', 'files'], types: ['retrieval'] },
  tables: { path: `^src/objectives/${TABLES}` },
  objectives: {
    path: `^src/objectives/(?!${TABLES}|(softmax|revela/controls)[.]ts$)`,
    code: ['tables', 'matrices', 'models', 'ops', 'gpu', 'corpus', 'retrieval'],
    types: ['settings'],
  },
  training: { path: '^src/training/', code: ['objectives', 'models', 'ops', 'gpu'] },
  settings: { path: '^src/settings/', types: ['tables'] },
  record: { path: `^src/run/${RECORD}`, types: ['settings'] },
  run: { path: `^src/run/(?!${RECORD})`, code: ['record', 'evaluation', ...ENGINE] },
  lab: { path: '^src/lab/', code: ['run', 'record', 'evaluation', 'encoder', ...ENGINE] },
  worker: { path: '^src/(worker|encoderWorker)[.]ts$', code: ['lab', 'encoder', 'files'] },
  engine: { path: '^src/engine[.]ts$', code: ['lab', 'settings'], types: ['corpus', 'files', 'record'] },
  cli: { path: '^src/cli/', code: ['lab', 'run', 'record', 'evaluation', 'encoder', ...ENGINE] },
  ui: { path: '^src/(ui/|main[.]ts$)', code: ['lab', 'settings', 'tables', 'matrices', 'record'], types: ['run'] },
};

/** What belongs to the project; tests, benches and scripts look at src/, which must not know them. */
const PROJECT = '^(src|shaders|tests|bench|scripts|public)/';

/** @param {string[]} names */
const pathsOf = (names) => names.map((name) => FLOORS[name].path);

/** The rules of one floor. @param {[string, Floor]} entry */
function rulesOf([name, { path, code = [], types = [] }]) {
  const ground = name === 'base' ? [] : ['base'];
  const allowed = [...ground, ...code, ...types.map((type) => `${type} (types)`)].join(', ') || 'nothing else';
  return [
    {
      name: `floors: ${name}`,
      comment: `${name} may import from itself and from: ${allowed}.`,
      severity: 'error',
      from: { path },
      to: { path: PROJECT, pathNot: [path, ...pathsOf([...ground, ...code, ...types])] },
    },
    ...types.map((type) => ({
      name: `floors: ${name}, types only`,
      comment: `${name} may import types from ${type}, and only with \`import type\`.`,
      severity: 'error',
      from: { path },
      to: { path: FLOORS[type].path, dependencyTypesNot: ['type-only', 'type-import'] },
    })),
  ];
}

const HOMELESS = {
  comment: 'This file of src/ belongs to no floor: move it into one of the folders of floors.config.js.',
  severity: 'error',
};
const homeless = { path: '^src/', pathNot: [...pathsOf(Object.keys(FLOORS)), '^src/[^/]+[.]d[.]ts$'] };

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...Object.entries(FLOORS)
      .filter(([name]) => name !== 'shaders')
      .flatMap(rulesOf),
    { ...HOMELESS, name: 'homeless', from: homeless, to: {} },
    { ...HOMELESS, name: 'homeless: alone', from: { ...homeless, orphan: true }, to: {} },
    {
      name: 'circle',
      comment:
        'These files import each other in a circle: move what both need into a file below them. Types count as well, since whoever reads one file has to read them all.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not found',
      comment:
        'Import files by paths relative to the file: others are not followed, so that nothing could be said about them.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, path: '^[./]' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Imports of types are gone after compilation, and count here all the same.
    tsPreCompilationDeps: true,
  },
};
