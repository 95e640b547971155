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

  constructor(private readonly door: Door) {}

  /**
   * What is chosen; undefined where nothing is to be begun now. Another choice stops what is compiled for the one before; a run that begins
   * does not: it needs just that. What a page opens with nobody is still choosing: that is begun at once.
   */
  follow(configuration: Configuration | undefined): void {
    if (!configuration) return clearTimeout(this.timer);
    if (configuration === this.wanted) return;
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
    const control = (this.control = new AbortController());
    try {
      await this.door.ask({ type: 'warmUp', configuration }, { signal: control.signal });
      await this.door.ask({ type: 'tuneTiles', configuration }, { signal: control.signal });
    } catch (cause) {
      // Whoever asks for the run is told why there is none.
      if (!(cause instanceof LabFailure)) throw cause;
    }
  }
}
