/** A teacher's scores of a batch, as its objective takes them. Both [B, B], row-major. */
export interface TeacherLists {
  /**
   * Scores of each chunk's list, the other chunks: scaled so that the worst of a row is 0 and the best 1, whatever the teacher's own
   * scale; 0 throughout where all score alike. 0 on the diagonal, which is no part of the list.
   */
  readonly scores: Float32Array<ArrayBuffer>;
  /** Added to similarities before the contrast: 0, and LEFT_OUT for chunks that are no negatives. */
  readonly leftOut: Float32Array<ArrayBuffer>;
}

/** So far below any similarity that e to its power is 0 at every temperature, and still a number after division by the smallest. */
const LEFT_OUT = -1e30;

/**
 * Makes lists of raw scores [B, B] (row: query). No negative of row i is a chunk whose raw score is above `threshold` times that of
 * the positive, the chunk itself: the teacher thinks that it answers too.
 */
export function teacherLists(raw: ArrayLike<number>, size: number, threshold: number): TeacherLists {
  const scores = new Float32Array(size * size);
  const leftOut = new Float32Array(size * size);
  for (let i = 0; i < size; i++) {
    const at = (j: number): number => raw[i * size + j] ?? NaN;
    const others = Array.from({ length: size }, (_, j) => j).filter((j) => j !== i);
    const [lowest, highest] = [Math.min(...others.map(at)), Math.max(...others.map(at))];
    for (const j of others) {
      scores[i * size + j] = highest > lowest ? (at(j) - lowest) / (highest - lowest) : 0;
      leftOut[i * size + j] = at(j) > threshold * at(i) ? LEFT_OUT : 0;
    }
  }
  return { scores, leftOut };
}
