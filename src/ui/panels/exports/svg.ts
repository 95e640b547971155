import { FONT, INK, PAPER } from './palette.ts';

type Attributes = Readonly<Record<string, string | number>>;

/** Text as it may stand in XML. */
export function escaped(text: string): string {
  return (
    text
      // Characters that XML has no way to write.
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
  );
}

/** One element; `content` is markup already. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? rounded(value) : escaped(value)}"`)
    .join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

export function label(text: string, x: number, y: number, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escaped(text));
}

/** A whole picture that needs nothing from the page: own colours, own background, fonts every system has. */
export function picture(title: string, width: number, height: number, content: string): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    'font-family': FONT,
    'font-size': 12,
    fill: INK,
  };
  const paper = element('rect', { width, height, fill: PAPER });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('svg', attributes, element('title', {}, escaped(title)) + paper + content)}\n`;
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
