import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

export default defineConfig(
  globalIgnores(['dist', 'coverage', '.svelte-check', 'public', 'test-results', 'playwright-report']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  { files: ['**/*.ts', '**/*.svelte'], extends: [ts.configs.recommendedTypeChecked] },
  svelte.configs.recommended,
  {
    files: ['src/**', 'tests/**', 'bench/**'],
    languageOptions: { globals: { ...globals.browser, ...globals.worker, ...globals.node } },
  },
  { files: ['*.js', 'scripts/**', 'examples/**'], languageOptions: { globals: globals.node } },
  {
    files: ['**/*.ts', '**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { projectService: true, extraFileExtensions: ['.svelte'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // Under verbatimModuleSyntax `import { type T }` still runs the module.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      // A leading underscore says that a parameter is there for its place only.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Numbers in messages need no String().
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    // The rules of floors.config.js follow imports, and see none in a pattern. gpu/ takes all shaders by one,
    // and run/handover/ the Python that goes into archives.
    files: ['src/**'],
    ignores: ['src/gpu/shaderLibrary.ts', 'src/run/handover/runnerFiles.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: String.raw`CallExpression[callee.object.type="MetaProperty"] Literal[value=/^(\.\.|\u002f)/]`,
          message: 'import.meta.glob may take files of its own folder only: the floors cannot see what it imports.',
        },
      ],
    },
  },
  {
    // The engine runs in a page's worker and in Node: neither has a DOM.
    files: ['src/**/*.ts'],
    ignores: ['src/ui/**', 'src/main.ts'],
    rules: { 'no-restricted-globals': ['error', 'document', 'window', 'localStorage', 'sessionStorage'] },
  },
);
