/** Hues safe for colour-blind eyes; their values stand in styles/theme.css as --document-0 … --document-7. */
export const HUES = 8;
/** Textures drawn over a hue, so that colour is never the only mark. */
export const TEXTURES = 8;
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
