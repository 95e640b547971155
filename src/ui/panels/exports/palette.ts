/** The light theme's colours (styles/theme.css), for pictures that leave the page: paper is light. */
export const PAPER = '#fcfbf8';
export const INK = '#1b1d21';
export const MUTED = '#5b5f67';
export const HAIRLINE = '#e3e0d8';
export const ACCENT = '#4340ae';
export const ALONE = '#7d8087';
export const VALUE_LOW = '#f3f1ec';
export const VALUE_BELOW = '#9a5200';
export const VALUE_HIGH = '#2f2a8f';
export const DOCUMENTS = [
  '#cc6677',
  '#4a9fcf',
  '#c7a83b',
  '#117733',
  '#aa4499',
  '#3a9e8e',
  '#882255',
  '#85852a',
] as const;

/** Fonts that are there on one system or another. */
export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
