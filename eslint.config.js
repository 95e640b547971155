import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import floors from './eslint/floors.js';
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
  { files: ['*.js', 'scripts/**', 'eslint/**'], languageOptions: { globals: globals.node } },
  {
    files: ['**/*.ts', '**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { projectService: true, extraFileExtensions: ['.svelte'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
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
    files: ['src/**'],
    plugins: { house: { rules: { floors } } },
    rules: { 'house/floors': ['error', { root: import.meta.dirname }] },
  },
  {
    // The engine runs in a page's worker and in Node: neither has a DOM.
    files: ['src/**/*.ts'],
    ignores: ['src/ui/**', 'src/main.ts'],
    rules: { 'no-restricted-globals': ['error', 'document', 'window', 'localStorage', 'sessionStorage'] },
  },
);
