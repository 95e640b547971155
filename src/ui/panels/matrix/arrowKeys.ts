const MOVES: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** By how many rows and columns a key moves within a matrix; undefined when it does not. A key that does is used up by it. */
export function takeArrow(event: KeyboardEvent): readonly [rows: number, columns: number] | undefined {
  const by = MOVES[event.key];
  if (!by || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  event.preventDefault();
  event.stopPropagation();
  return by;
}
