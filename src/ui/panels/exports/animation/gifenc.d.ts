/** What is used of gifenc, which has no types of its own. */
declare module 'gifenc' {
  /** Red, green and blue, 0 to 255. */
  type Colour = number[];

  /** At most `colours` colours that stand for those of RGBA pixels. */
  export function quantize(rgba: Uint8ClampedArray, colours: number): Colour[];
  /** For each pixel the index of the colour that is nearest to it. */
  export function applyPalette(rgba: Uint8ClampedArray, palette: readonly Colour[]): Uint8Array<ArrayBuffer>;

  export function GIFEncoder(): {
    /** The first frame's palette is that of all that have none; `delay` in ms. */
    writeFrame(
      index: Uint8Array,
      width: number,
      height: number,
      options: {
        palette?: readonly Colour[];
        delay: number;
        transparent?: boolean;
        transparentIndex?: number;
        dispose?: number;
      },
    ): void;
    finish(): void;
    bytes(): Uint8Array<ArrayBuffer>;
  };
}
