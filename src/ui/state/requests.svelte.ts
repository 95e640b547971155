import type { LabCommand, LabError, LabEvent } from '../../lab/door/protocol.ts';

type CommandType = LabCommand['type'];

/** What was asked of the lab and is not answered yet, and what went wrong with each kind of question asked last. */
export class Requests {
  private waiting = $state.raw<readonly CommandType[]>([]);
  private failed = $state.raw<Partial<Record<CommandType, LabError>>>({});

  /** Notes that a command of this type was sent: its last failure is history. */
  begin(type: CommandType): void {
    this.waiting = [...this.waiting.filter((one) => one !== type), type];
    this.forgive(type);
  }

  end(...types: readonly CommandType[]): void {
    if (types.some((type) => this.waiting.includes(type))) {
      this.waiting = this.waiting.filter((type) => !types.includes(type));
    }
  }

  isWaiting(type: CommandType): boolean {
    return this.waiting.includes(type);
  }

  errorOf(type: CommandType): LabError | undefined {
    return this.failed[type];
  }

  /** Takes a failure off the page. */
  forgive(type: CommandType): void {
    if (this.failed[type]) this.failed = { ...this.failed, [type]: undefined };
  }

  /** Books an error of the lab, also of what it did by itself (saving, say). One that names no command has ended the lab with all it was doing, if it is a bug. */
  hear(event: LabEvent): void {
    if (event.type !== 'error') return;
    const { error } = event;
    if (error.command) {
      this.end(error.command);
      this.failed = { ...this.failed, [error.command]: error };
    } else if (error.kind === 'bug') {
      this.failed = Object.fromEntries(this.waiting.map((type) => [type, error]));
      this.waiting = [];
    }
  }
}
