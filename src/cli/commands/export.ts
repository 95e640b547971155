import { runArchive } from '../../run/takeHome.ts';
import { openRun } from '../support/openRun.ts';
import { restoreRun } from '../../run/saving.ts';
import { readRunFile } from '../support/save.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { parse, readConfiguration, required, UsageError, type Command } from '../support/usage.ts';

export const exportCommand: Command = {
  name: 'export',
  usage: 'RUN --model PATH --out PATH',
  summary: 'takes the adapters (or whole models) out of a saved run, for PEFT and transformers',
  help: `  RUN                      a saved run: of train --checkpoint, or downloaded from the page
  --model PATH             the checkpoint it stands on, where it stands on one
  --retriever-model PATH   the retriever's, where that is another one
  --out PATH               a folder, or a zip file where PATH ends in .zip
${FORCE_HELP}`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      model: { type: 'string' },
      'retriever-model': { type: 'string' },
      out: { type: 'string' },
      ...FORCE_OPTION,
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0)
      throw new UsageError('Usage: npm run cli -- export RUN --model PATH --out PATH');
    const out = required('out', values.out, 'a folder, or a zip file');
    const outputs = await Outputs.prepare(
      [{ option: '--out', path: out, kind: out.endsWith('.zip') ? 'file' : 'folder' }],
      {
        force: values.force,
        inputs: { RUN: file, '--model': values.model, '--retriever-model': values['retriever-model'] },
      },
    );
    const saved = await readRunFile(file);
    const { configuration } = readConfiguration(values, saved.settings);
    const run = await openRun(configuration, { ...values, text: saved.text, title: saved.title }, { signal });
    try {
      await restoreRun(saved, run);
      await outputs.writeFiles('--out', () => runArchive(run));
      outputs.finish();
      process.stderr.write(`Wrote ${out}: what step ${saved.state.step} had learnt.\n`);
    } finally {
      run.destroy();
    }
  },
};
