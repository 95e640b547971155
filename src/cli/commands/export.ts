import { runArchive } from '../../run/takeHome.ts';
import { takeOut, takeOutHelp, TAKE_OUT_OPTIONS, TAKE_OUT_USAGE } from '../support/takeOut.ts';
import { parse, type Command } from '../support/usage.ts';

export const exportCommand: Command = {
  name: 'export',
  usage: TAKE_OUT_USAGE,
  summary: 'takes the adapters (or whole models) out of a saved run, for PEFT and transformers',
  help: takeOutHelp(),
  async run(args, signal) {
    const { out, step } = await takeOut('export', parse(args, TAKE_OUT_OPTIONS), signal, runArchive);
    process.stderr.write(`Wrote ${out}: what step ${step} had learnt.\n`);
  },
};
