import { ReportedError } from '../base/errors.ts';
import { embedCommand } from './commands/embed.ts';
import { essaysCommand } from './commands/essays.ts';
import { exportCommand } from './commands/export.ts';
import { generateCommand } from './commands/generate.ts';
import { makeCheckpointCommand } from './commands/makeCheckpoint.ts';
import { planCommand } from './commands/plan.ts';
import { stepCommand } from './commands/stepCommand.ts';
import { trainCommand } from './commands/train.ts';
import { UsageError, type Command } from './support/usage.ts';

const COMMANDS: readonly Command[] = [
  trainCommand,
  stepCommand,
  embedCommand,
  exportCommand,
  generateCommand,
  planCommand,
  essaysCommand,
  makeCheckpointCommand,
];

/** Entry of `npm run cli`. Returns the exit code. What is no ReportedError is a bug, and shows its stack. */
export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === undefined || name === 'help' || name === '--help') {
      process.stdout.write(rest[0] === undefined ? overview() : commandHelp(find(rest[0])));
      return 0;
    }
    const command = find(name);
    if (rest.includes('--help')) process.stdout.write(commandHelp(command));
    else await command.run(rest, signal);
    return 0;
  } catch (cause) {
    const path = missingFile(cause);
    if (path === undefined && !(cause instanceof ReportedError)) throw cause;
    process.stderr.write(`${path === undefined ? (cause as Error).message : `There is no file ${path}.`}\n`);
    return 1;
  }
}

function find(name: string): Command {
  const found = COMMANDS.find((command) => command.name === name);
  if (!found) throw new UsageError(`There is no command ${name}. Try: npm run cli -- help`);
  return found;
}

/** The path of a file that was asked for and is not there. */
function missingFile(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause) || cause.code !== 'ENOENT') return undefined;
  return 'path' in cause && typeof cause.path === 'string' ? cause.path : undefined;
}

function commandHelp({ name, usage, summary, help }: Command): string {
  return `${name} ${usage}\n  ${summary}\n\n${help}\n`;
}

function overview(): string {
  const list = COMMANDS.map(({ name, usage, summary }) => `  ${name} ${usage}\n      ${summary}\n`).join('');
  const details = COMMANDS.map((command) => `\n${commandHelp(command)}`).join('');
  return `The Revela playground on the command line.\n\n${list}${details}`;
}
