import { builtInFiles } from '../../evaluation/collections/builtIn.ts';
import { BUILT_IN_COLLECTIONS } from '../../evaluation/collections/builtInTable.ts';
import { textFile } from '../../files/formats/zipWriter.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { parse, required, UsageError, type Command } from '../support/usage.ts';

const IDS = BUILT_IN_COLLECTIONS.map(({ id }) => id);

export const collectionCommand: Command = {
  name: 'collection',
  usage: `${IDS.join('|')} --out DIR`,
  summary: 'writes a built-in labelled collection as a folder in BEIR’s layout, with its licence and text to train on',
  help: `${BUILT_IN_COLLECTIONS.map(({ id, description }) => `  ${id.padEnd(25)}${description}`).join('\n')}
  --out DIR                the folder: corpus.jsonl, queries.jsonl, qrels/test.tsv, LICENSE.txt; of some training.txt as well, text
                           of the same field without labels: npm run cli -- train --model PATH --file DIR/training.txt
${FORCE_HELP}`,
  async run(args) {
    const { values, positionals } = parse(args, { out: { type: 'string' }, ...FORCE_OPTION });
    const [id, ...others] = positionals;
    if (id === undefined || others.length > 0) throw new UsageError(`Name one collection: ${IDS.join(' or ')}.`);
    const out = required('out', values.out, 'the folder to write');
    const outputs = await Outputs.prepare([{ option: '--out', path: out, kind: 'folder' }], { force: values.force });
    await outputs.writeFiles('--out', async () =>
      (await builtInFiles(id)).map(({ name, text }) => textFile(name, text)),
    );
    outputs.finish();
    process.stdout.write(`${BUILT_IN_COLLECTIONS.find((one) => one.id === id)?.origin ?? ''}\n`);
  },
};
