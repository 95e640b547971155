import type { LabCommand } from './protocol.ts';

type Work = () => Promise<void>;
type Failed = (command: LabCommand, cause: unknown) => void;

/**
 * Who works on the run when: commands that change it one after the other, and what looks at it between two steps of whichever
 * of them is training.
 */
export class Turns {
  #tail: Promise<void> = Promise.resolve();
  #asides: Work[] = [];

  /** `failed`: a command in its turn; `asideFailed`: work between two steps, which the run survives. */
  constructor(
    private readonly failed: Failed,
    private readonly asideFailed: Failed,
  ) {}

  /** Resolves when all that waits has had its turn. */
  get settled(): Promise<void> {
    return this.#tail;
  }

  /** After everything that came before. */
  enqueue(command: LabCommand, work: Work): Promise<void> {
    this.#tail = this.#tail.then(work).catch((cause: unknown) => this.failed(command, cause));
    return this.#tail;
  }

  /** When no step is under way: the training loop gets to it first, if there is one. */
  between(command: LabCommand, work: Work): Promise<void> {
    return new Promise((done) => {
      this.#asides.push(() =>
        work()
          .catch((cause: unknown) => this.asideFailed(command, cause))
          .finally(done),
      );
      void this.enqueue(command, () => this.doAsides());
    });
  }

  async doAsides(): Promise<void> {
    for (let aside = this.#asides.shift(); aside; aside = this.#asides.shift()) await aside();
  }
}
