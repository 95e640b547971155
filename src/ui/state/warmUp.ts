import { LabFailure } from '../../lab/door/labError.ts';
import type { Door } from '../../lab/door/protocol.ts';
import type { Configuration } from '../../settings/configuration.ts';

/** Settings are typed and dragged: what stands for less is not worth compiling for. */
const SETTLED_MS = 250;

/**
 * Has the kernels of what is chosen compiled as soon as it is, so that the first step need not wait for them, and then measured which of
 * their tiles are fastest here, while nothing else wants the GPU.
 */
export class WarmUp {
  private wanted: Configuration | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private control: AbortController | undefined;
  /** Kinds of products that there was no time to measure, as told last, and whether it is worth trying them again. */
  private left = Infinity;
  private isLeft = false;
  /** Whether a run has been on since the last measuring. */
  private hasRun = false;

  constructor(private readonly door: Door) {}

  /**
   * What is chosen; undefined where nothing is to be begun now. Another choice stops what is compiled for the one before; a run that begins
   * does not: it needs just that. What a page opens with nobody is still choosing: that is begun at once.
   */
  follow(configuration: Configuration | undefined): void {
    if (!configuration) {
      clearTimeout(this.timer);
      this.hasRun = true;
      return;
    }
    if (configuration === this.wanted) return this.goOn(configuration);
    this.end();
    if (!this.control) return void this.begin(configuration);
    this.timer = setTimeout(() => void this.begin(configuration), SETTLED_MS);
  }

  end(): void {
    clearTimeout(this.timer);
    this.control?.abort();
  }

  private async begin(configuration: Configuration): Promise<void> {
    this.wanted = configuration;
    this.left = Infinity;
    this.isLeft = false;
    const { signal } = (this.control = new AbortController());
    await unlessRefused(async () => {
      await this.door.ask({ type: 'warmUp', configuration }, { signal });
      await this.tune(configuration, signal);
    });
  }

  /** Measures what there was no time for, once a run has had the GPU and rests: at every such time a little. */
  private goOn(configuration: Configuration): void {
    const { control } = this;
    if (!this.isLeft || !this.hasRun || !control) return;
    void unlessRefused(() => this.tune(configuration, control.signal));
  }

  private async tune(configuration: Configuration, signal: AbortSignal): Promise<void> {
    this.hasRun = false;
    this.isLeft = false;
    const { left } = await this.door.ask({ type: 'tuneTiles', configuration }, { signal });
    // What has no room on this GPU stays.
    this.isLeft = left > 0 && left < this.left;
    this.left = left;
  }
}

/** Whoever asks for the run is told why there is none. */
async function unlessRefused(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof LabFailure)) throw cause;
  }
}
