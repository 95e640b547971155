import { ReportedError } from '../base/errors.ts';
import { CorpusError } from '../corpus/errors.ts';
import { chunksCommand } from './commands/chunks.ts';
import { collectionCommand } from './commands/collection.ts';
import { compareCommand } from './commands/compare.ts';
import { embedCommand } from './commands/embed.ts';
import { essaysCommand } from './commands/essays.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { generateCommand } from './commands/generate.ts';
import { handoverCommand } from './commands/handover.ts';
import { makeCheckpointCommand } from './commands/makeCheckpoint.ts';
import { planCommand } from './commands/plan.ts';
import { scalingCommand } from './commands/scaling.ts';
import { stepCommand } from './commands/stepCommand.ts';
import { trainCommand } from './commands/train.ts';
import { readingProblem } from './support/fileProblems.ts';
import { stoppedCode, tellWhenStopping } from './support/stopping.ts';
import { UsageError, type Command } from './support/usage.ts';

const COMMANDS: readonly Command[] = [
  trainCommand,
  stepCommand,
  chunksCommand,
  embedCommand,
  evaluateCommand,
  compareCommand,
  collectionCommand,
  exportCommand,
  handoverCommand,
  generateCommand,
  planCommand,
  scalingCommand,
  essaysCommand,
  makeCheckpointCommand,
];

/**
 * Entry of `npm run cli`. What is no ReportedError, nor a file that cannot be read, is a bug and shows its stack.
 * @param signal ends the command when what is under way is done; its reason is the name of a signal.
 * @returns the exit code: 0, 1 for what failed, or the signal's (stopping.ts).
 */
export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const [name, ...rest] = args;
  tellWhenStopping(signal);
  try {
    if (name === undefined || name === 'help' || name === '--help') {
      process.stdout.write(rest[0] === undefined ? overview() : commandHelp(find(rest[0])));
      return 0;
    }
    const command = find(name);
    if (rest.includes('--help')) process.stdout.write(commandHelp(command));
    else await command.run(rest, signal);
    return signal.aborted ? stoppedCode(signal) : 0;
  } catch (cause) {
    const stopped = signal.aborted && (cause === signal.reason || isStop(cause));
    const problem = readingProblem(cause);
    if (!stopped && problem === undefined && !(cause instanceof ReportedError)) throw cause;
    process.stderr.write(`${problem ?? (cause instanceof Error ? cause.message : 'Stopped.')}\n`);
    return stopped ? stoppedCode(signal) : 1;
  }
}

function find(name: string): Command {
  const found = COMMANDS.find((command) => command.name === name);
  if (!found) throw new UsageError(`There is no command ${name}. Try: npm run cli -- help`);
  return found;
}

function isStop(cause: unknown): boolean {
  if (cause instanceof CorpusError) return cause.code === 'aborted';
  return cause instanceof ReportedError && cause.kind === 'stopped';
}

function commandHelp({ name, usage, summary, help }: Command): string {
  return `${name} ${usage}\n  ${summary}\n\n${help}\n`;
}

function overview(): string {
  const list = COMMANDS.map(({ name, usage, summary }) => `  ${name} ${usage}\n      ${summary}\n`).join('');
  const details = COMMANDS.map((command) => `\n${commandHelp(command)}`).join('');
  return `The Revela playground on the command line.\n\n${list}${details}`;
}
