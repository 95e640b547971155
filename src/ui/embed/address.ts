/** What can be embedded in other pages: the story of the recorded run, or the matrix with a button that trains. */
export const EMBEDS = [
  { kind: 'story', label: 'The recorded run as a story' },
  { kind: 'live', label: 'Training, live' },
] as const;
export type EmbedKind = (typeof EMBEDS)[number]['kind'];

/** Themes an embedded page can be told to wear; left out, the system's. */
export const EMBED_THEMES = ['system', 'light', 'dark'] as const;
export type EmbedTheme = (typeof EMBED_THEMES)[number];

/** Size of a frame that shows all of it, in pixels. */
export const FRAME = { width: 800, height: 460 } as const;

export interface EmbedQuery {
  /** As it stands in the address, and the first where that names none: it may be none that there is. */
  readonly kind: string;
  readonly theme: EmbedTheme;
}

/** What an address's query asks to be embedded; undefined where it asks for the whole page. */
export function readEmbed(search: string): EmbedQuery | undefined {
  const query = new URLSearchParams(search);
  const kind = query.get('embed');
  if (kind === null) return undefined;
  const theme = EMBED_THEMES.find((one) => one === query.get('theme')) ?? 'system';
  return { kind: kind || EMBEDS[0].kind, theme };
}

export function isEmbedKind(kind: string): kind is EmbedKind {
  return EMBEDS.some((one) => one.kind === kind);
}

/** `page`: the page's own address, without query and fragment. `settings`: a code of settings, which only what trains has use for. */
export function embedAddress(page: string, kind: EmbedKind, theme: EmbedTheme, settings: string): string {
  const wears = theme === 'system' ? '' : `&theme=${theme}`;
  return `${page}?embed=${kind}${wears}${kind === 'live' && settings !== '' ? `#${settings}` : ''}`;
}

/** What to paste into another page. */
export function embedSnippet(address: string): string {
  const src = address.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const { width, height } = FRAME;
  return `<iframe src="${src}" width="${width}" height="${height}" title="Revela playground" loading="lazy" style="border: 0; max-width: 100%"></iframe>`;
}
