import { load, save } from './storage.ts';

const THEMES = ['system', 'light', 'dark'] as const;
export type ThemeName = (typeof THEMES)[number];

/** Which theme the page wears. index.html sets a saved one before the first paint. */
export class Theme {
  name = $state<ThemeName>(load<ThemeName>('theme') ?? 'system');
  /** Whether the system asks for dark, for drawings that cannot use CSS colours. */
  private systemIsDark = $state(false);
  readonly isDark = $derived(this.name === 'dark' || (this.name === 'system' && this.systemIsDark));

  constructor() {
    const query = matchMedia('(prefers-color-scheme: dark)');
    this.systemIsDark = query.matches;
    query.addEventListener('change', ({ matches }) => (this.systemIsDark = matches));
  }

  next(): void {
    this.wear(THEMES[(THEMES.indexOf(this.name) + 1) % THEMES.length] ?? 'system');
  }

  wear(name: ThemeName): void {
    this.name = name;
    if (this.name === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.name;
    save('theme', this.name);
  }
}
