import { goldenStep } from './step.ts';
import { modelStep } from './modelStep.ts';
import { openNodeRuntime } from '../support/nodeGpu.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import {
  CONFIGURATION_HELP,
  CONFIGURATION_OPTIONS,
  nothingMore,
  parse,
  readConfiguration,
  UsageError,
  type Command,
} from '../support/usage.ts';

export const stepCommand: Command = {
  name: 'step',
  usage: 'DIR --out FILE  |  step --model PATH [settings]',
  summary: 'runs one step: of a golden folder, or of a configuration with its time by kernel and its memory',
  help: `Of a golden folder: prints its losses, S and A
  --out FILE               writes its tensors
${FORCE_HELP}

Of a configuration (every setting of train)
${CONFIGURATION_HELP}
  --full-rows              every row as long as it may be (chunks repeat themselves): what the plan is for
  --json                   the figures as one JSON object`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      out: { type: 'string' },
      ...FORCE_OPTION,
      json: { type: 'boolean' },
      'full-rows': { type: 'boolean' },
    });
    const [folder, ...more] = positionals;
    if (folder === undefined && values.out === undefined && Object.keys(values).length > 0) {
      const { configuration } = readConfiguration(values);
      await modelStep(
        configuration,
        { ...values, json: values.json === true, fullRows: values['full-rows'] === true },
        signal,
      );
      return;
    }
    if (folder === undefined || values.out === undefined)
      throw new UsageError('Usage: npm run cli -- step DIR --out FILE, or step --model PATH [settings]');
    nothingMore(more);
    const outputs = await Outputs.prepare([{ option: '--out', path: values.out, kind: 'file' }], {
      force: values.force,
    });
    await goldenStep(await openNodeRuntime(), folder, outputs);
    outputs.finish();
  },
};
