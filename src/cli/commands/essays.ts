import { loadProse, proseCollections } from '../../corpus/sources/prose.ts';
import type { SourceDocument } from '../../corpus/types.ts';
import { parse, type Command } from '../support/usage.ts';

const IDS = proseCollections.map(({ id }) => id);

/** Separates documents in a text (corpus/documents.ts). */
const BETWEEN = '\n\n---\n\n';

export const essaysCommand: Command = {
  name: 'essays',
  usage: `[${IDS.join('] [')}]`,
  summary:
    'prints the built-in collections as one text, to be changed or trained on with --file; all when none is named',
  help: '  npm run -s cli -- essays > essays.txt   (-s: nothing else in the file)',
  async run(args) {
    const { positionals } = parse(args, {});
    const collections = await Promise.all((positionals.length > 0 ? positionals : IDS).map((id) => loadProse(id)));
    process.stdout.write(`${collections.flat().map(asText).join(BETWEEN)}\n`);
  },
};

function asText({ title, paragraphs }: SourceDocument): string {
  return [title, ...paragraphs].join('\n\n');
}
