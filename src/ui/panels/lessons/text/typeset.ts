import type katex from 'katex';

export interface Typesetter {
  readonly render: typeof katex.render;
  readonly renderToString: typeof katex.renderToString;
}

/** How formulas of lessons are set: `\part{id}{…}` marks what stands for a part of the page. */
export const FORMULA_OPTIONS = {
  throwOnError: true,
  macros: { '\\part': '\\htmlData{part=#1}{#2}' },
  trust: ({ command }: { readonly command: string }) => command === '\\htmlData',
  strict: (code: string) => (code === 'htmlExtension' ? 'ignore' : 'error'),
} as const;

let loading: Promise<Typesetter> | undefined;

/** The typesetter with its style sheet, fetched when the first formula is shown. */
export function loadTypesetter(): Promise<Typesetter> {
  loading ??= Promise.all([import('katex'), import('katex/dist/katex.min.css')]).then(([{ default: found }]) => found);
  // Without it a formula stays as it is written; the next one tries again.
  loading.catch(() => (loading = undefined));
  return loading;
}
