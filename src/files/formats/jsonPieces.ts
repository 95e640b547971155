/** Characters of a piece, about: few enough to hold, many enough to be written at once. */
const PIECE = 2 ** 16;
/** Values of a list that are put into words at once. */
const SLICE = 2 ** 10;

type Replace = (value: unknown, key: string) => unknown;

/**
 * What JSON.stringify gives, in pieces: a text may be longer than a string can be (half a billion characters).
 * @param replace is asked for every number, text and flag, with the key that it, or the lists around it, stand under.
 */
export function* jsonPieces(value: unknown, replace: Replace = (same) => same): Generator<string, void, void> {
  let piece = '';
  for (const part of parts(value, replace, '')) {
    piece += part;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function* parts(value: unknown, replace: Replace, key: string): Generator<string, void, void> {
  if (Array.isArray(value)) yield* listParts(value, replace, key);
  else if (typeof value === 'object' && value !== null) yield* objectParts(value, replace);
  // As in a list: what JSON has no word for is null there.
  else yield JSON.stringify([replace(value, key)]).slice(1, -1);
}

function* listParts(list: readonly unknown[], replace: Replace, key: string): Generator<string, void, void> {
  yield '[';
  if (list.some(isObject)) {
    for (const [i, value] of list.entries()) {
      if (i > 0) yield ',';
      yield* parts(value, replace, key);
    }
  } else {
    for (let i = 0; i < list.length; i += SLICE) {
      if (i > 0) yield ',';
      const slice = list.slice(i, i + SLICE).map((value) => replace(value, key));
      yield JSON.stringify(slice).slice(1, -1);
    }
  }
  yield ']';
}

function* objectParts(object: object, replace: Replace): Generator<string, void, void> {
  yield '{';
  let first = true;
  for (const [key, value] of Object.entries(object) as [string, unknown][]) {
    if (value === undefined) continue;
    yield `${first ? '' : ','}${JSON.stringify(key)}:`;
    first = false;
    yield* parts(value, replace, key);
  }
  yield '}';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
