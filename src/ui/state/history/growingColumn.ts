/** Numbers appended one by one to a typed array that doubles when full. */
export class GrowingColumn {
  private values: Float64Array<ArrayBuffer> = new Float64Array(256);
  private count = 0;

  push(value: number): void {
    if (this.count === this.values.length) {
      const larger = new Float64Array(2 * this.count);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = value;
  }

  /** Drops all but the given places, which are in order. */
  keep(places: readonly number[]): void {
    const kept = places.map((place) => this.values[place] ?? NaN);
    this.values.set(kept);
    this.count = kept.length;
  }

  /** What has been pushed, without a copy; valid until the next push. */
  view(): Float64Array<ArrayBuffer> {
    return this.values.subarray(0, this.count);
  }
}
