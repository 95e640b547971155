import { handoverFiles } from '../../run/handover/handover.ts';
import { MOST_STEPS, USUAL_STEPS } from '../../run/handover/steps.ts';
import { ProgressLine } from '../support/reports.ts';
import { takeOut, takeOutHelp, TAKE_OUT_OPTIONS, TAKE_OUT_USAGE } from '../support/takeOut.ts';
import { parse, whole, type Command } from '../support/usage.ts';

export const handoverCommand: Command = {
  name: 'handover',
  usage: TAKE_OUT_USAGE,
  summary: 'writes all that a saved run needs to go on in PyTorch: its next batches, adapters, settings and a runner',
  help: takeOutHelp(`  --steps N                updates to write batches for (default ${USUAL_STEPS})\n`),
  async run(args, signal) {
    const said = parse(args, { ...TAKE_OUT_OPTIONS, steps: { type: 'string' } });
    const steps = whole('steps', said.values.steps, USUAL_STEPS, { most: MOST_STEPS });
    const line = new ProgressLine();
    const onProgress = (detail: string, fraction: number): void =>
      line.update(`${detail}: ${Math.floor(100 * fraction)} %`);
    const { out, step } = await takeOut('handover', said, signal, (run) =>
      handoverFiles(run, { steps, signal, onProgress }),
    );
    line.end(`Wrote ${out}: a run of ${step} steps, with batches for ${steps} more.`);
  },
};
