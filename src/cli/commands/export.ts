import { runArchive } from '../../run/takeHome.ts';
import { openRun } from '../support/openRun.ts';
import { readRun, restoreRun, writeFolderOrZip } from '../support/save.ts';
import { parse, readConfiguration, required, UsageError, type Command } from '../support/usage.ts';

export const exportCommand: Command = {
  name: 'export',
  usage: 'RUN --model DIR --out PATH',
  summary: 'takes the adapters (or whole models) out of a saved run, for PEFT and transformers',
  help: `  RUN                      a run saved by train --checkpoint, or downloaded from the page
  --model DIR              the checkpoint it stands on, where it stands on one
  --retriever-model DIR    the retriever's, where that is another one
  --out PATH               a folder, or a zip file where PATH ends in .zip`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      model: { type: 'string' },
      'retriever-model': { type: 'string' },
      out: { type: 'string' },
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0)
      throw new UsageError('Usage: npm run cli -- export RUN --model DIR --out PATH');
    const out = required('out', values.out, 'a folder, or a zip file');
    const saved = await readRun(file);
    const { configuration } = readConfiguration(values, saved.configuration);
    const run = await openRun(configuration, { ...values, text: saved.text, title: saved.title }, { signal });
    try {
      await restoreRun(saved, run);
      await writeFolderOrZip(out, await runArchive(run));
      process.stderr.write(`Wrote ${out}: what step ${saved.state.step} had learnt.\n`);
    } finally {
      run.destroy();
    }
  },
};
