/** What a stretch of WGSL is, as far as colours go. */
export type TokenKind = 'comment' | 'attribute' | 'keyword' | 'type' | 'number' | 'call' | 'plain';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const KEYWORDS =
  'alias|break|case|const|const_assert|continue|continuing|default|diagnostic|discard|else|enable|false|fn|for|if|let|loop|override|requires|return|struct|switch|true|var|while';
const TYPES =
  'array|atomic|bool|f16|f32|i32|u32|mat[234]x[234][fh]?|vec[234][fhiu]?|ptr|sampler|texture_\\w+|workgroup|storage|uniform|private|function|read|write|read_write';

/** In this order: what is a comment is nothing else. A name before a bracket is a call. */
const PATTERNS: readonly (readonly [Exclude<TokenKind, 'plain'>, string])[] = [
  ['comment', '\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?(?:\\*\\/|$)'],
  ['attribute', '@\\w+'],
  ['keyword', `\\b(?:${KEYWORDS})\\b`],
  ['type', `\\b(?:${TYPES})\\b`],
  [
    'number',
    '\\b(?:0[xX][0-9a-fA-F.]+(?:[pP][+-]?\\d+)?|\\d+\\.?\\d*(?:[eE][+-]?\\d+)?)[fhiu]?|\\.\\d+(?:[eE][+-]?\\d+)?[fh]?',
  ],
  ['call', '\\b[A-Za-z_]\\w*(?=\\s*\\()'],
];

const PATTERN = new RegExp(PATTERNS.map(([kind, source]) => `(?<${kind}>${source})`).join('|'), 'g');

/** Cuts WGSL into coloured stretches; joined, their texts are the code again. */
export function tokenise(code: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const match of code.matchAll(PATTERN)) {
    if (match.index > end) tokens.push({ kind: 'plain', text: code.slice(end, match.index) });
    const [kind] = PATTERNS.find(([name]) => match.groups?.[name] !== undefined) ?? ['comment' as const];
    tokens.push({ kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < code.length) tokens.push({ kind: 'plain', text: code.slice(end) });
  return tokens;
}

/** A kernel's file: what it computes, in words and formulas, and the code. */
export interface KernelText {
  readonly about: readonly { readonly kind: 'words' | 'formula'; readonly text: string }[];
  readonly code: string;
}

/** Parts the comment that every kernel begins with from its code. Indented lines of it are formulas. */
export function readKernel(source: string): KernelText {
  const lines = source.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  const head = lines.slice(0, end < 0 ? lines.length : end).map((line) => line.slice(2));
  const about: { kind: 'words' | 'formula'; text: string }[] = [];
  for (const line of head) {
    const kind = /^\s{2,}\S/.test(line) ? 'formula' : 'words';
    const text = kind === 'formula' ? line.slice(1).trimEnd() : line.trim();
    const last = about.at(-1);
    if (text === '') about.push({ kind: 'words', text: '' });
    else if (last?.kind === kind && last.text !== '') last.text += (kind === 'formula' ? '\n' : ' ') + text;
    else about.push({ kind, text });
  }
  return {
    about: about
      .filter(({ text }) => text !== '')
      .map(({ kind, text }) => ({ kind, text: kind === 'formula' ? unindented(text) : text })),
    code: lines
      .slice(end < 0 ? lines.length : end)
      .join('\n')
      .trim(),
  };
}

function unindented(text: string): string {
  const lines = text.split('\n');
  const depth = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(depth)).join('\n');
}
