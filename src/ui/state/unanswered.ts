import type { Configuration } from '../../settings/configuration.ts';
import type { OwnText } from './readersText.svelte.ts';

/** What a run is started with. */
export interface Applied {
  readonly configuration: Configuration;
  readonly text: OwnText;
}

/**
 * What the lab was sent and has not answered yet. It answers each in turn: with its corpus, an error, or that it was stopped;
 * a saved run that is put back brings a corpus too, and is answered only at its end.
 */
export class Unanswered {
  /** What to ask for once everything sent is answered: an impossible configuration must not start the one before it. */
  wanted: 'train' | 'step' | undefined;
  private pending: (Applied | 'resume')[] = [];

  get isEmpty(): boolean {
    return this.pending.length === 0;
  }

  get last(): Applied | 'resume' | undefined {
    return this.pending.at(-1);
  }

  add(request: Applied | 'resume'): void {
    this.pending.push(request);
  }

  /** Takes off the one that was answered. */
  answered(): Applied | 'resume' | undefined {
    return this.pending.shift();
  }

  /** The configuration that a corpus answers; undefined where the corpus is that of a run being put back. */
  accepted(): Applied | undefined {
    const [first] = this.pending;
    if (first === 'resume') return undefined;
    this.pending.shift();
    return first;
  }

  /** Takes off the run that was being put back. Whether there was one. */
  endResume(): boolean {
    if (this.pending[0] !== 'resume') return false;
    this.pending.shift();
    return true;
  }

  /** What was wanted, once and only when everything is answered. */
  takeWanted(): 'train' | 'step' | undefined {
    if (!this.isEmpty) return undefined;
    const { wanted } = this;
    this.wanted = undefined;
    return wanted;
  }

  clear(): void {
    this.pending = [];
    this.wanted = undefined;
  }
}
