/** Hues safe for colour-blind eyes; their values stand in styles/theme.css as --document-0 … --document-7. */
export const HUES = 8;
/** Textures drawn over a hue, so that colour is never the only mark. */
export const TEXTURES = 8;
/** The textures on a tile of 8 × 8, drawn in the colour of the paper; the first is plain, the third are dots. */
export const TEXTURE_PATHS = [
  '',
  'M-2 2l4-4M-2 10L10-2M6 10l4-4',
  'M2 2h.01M6 6h.01',
  'M0 2h8M0 6h8',
  'M-2 6l4 4M-2-2l12 12M6-2l4 4',
  'M2 0v8M6 0v8',
  'M0 4h8M4 0v8',
  'M-2 2l4-4M-2 10L10-2M6 10l4-4M-2 6l4 4M-2-2l12 12M6-2l4 4',
] as const;
/** Documents a batch can hold: B is at most 32, each of another document. */
export const MARKED_DOCUMENTS = 32;

export interface DocumentMark {
  readonly hue: number;
  readonly texture: number;
}

/** The mark of a batch's document: the first eight differ in both hue and texture, and the first 64 in one of them. */
export function documentMark(document: number): DocumentMark {
  return { hue: document % HUES, texture: (document + Math.floor(document / HUES)) % TEXTURES };
}

/** Paint for the SVG `fill` of that mark: a pattern defined by DocumentPatterns.svelte. */
export function documentFill(document: number): string {
  return `url(#document-${document % MARKED_DOCUMENTS})`;
}
