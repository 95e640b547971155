/** Shortest time between two drawings while events pour in. */
const DRAW_EVERY_MS = 100;

/** Draws soon: once for all that was asked since the last drawing, at most ten times a second. */
export class Frames {
  private drawn = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting = false;

  constructor(private readonly draw: () => void) {}

  soon(): void {
    if (this.waiting) return;
    this.waiting = true;
    const wait = Math.max(0, this.drawn + DRAW_EVERY_MS - performance.now());
    this.timer = setTimeout(() => {
      requestAnimationFrame((now) => {
        this.waiting = false;
        this.drawn = now;
        this.draw();
      });
    }, wait);
  }

  /** Nobody looks any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.waiting = false;
  }
}
