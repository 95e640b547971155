import { byteText } from '../../files/formats/byteText.ts';
import { measureScaling } from '../../run/scaling/measure.ts';
import { METHODS } from '../../run/scaling/methods.ts';
import { scalingPicture } from '../../run/scaling/picture.ts';
import { scalingGrid, USUAL_VALUES, type ScalingValues } from '../../run/scaling/grid.ts';
import {
  AXES,
  AXIS_WORDS,
  exponentText,
  QUANTITIES,
  QUANTITY_WORDS,
  scalingTsv,
  type Axis,
  type ScalingCurve,
  type ScalingReport,
} from '../../run/scaling/report.ts';
import { SETTINGS } from '../../settings/configuration.ts';
import { readGivenFiles } from '../support/givenFiles.ts';
import { openBases, requireModel } from '../support/modelFolder.ts';
import { openNodeRuntime } from '../support/nodeGpu.ts';
import { FORCE_HELP, FORCE_OPTION, Outputs } from '../support/outputs.ts';
import { ProgressLine, table, timeText } from '../support/reports.ts';
import {
  CONFIGURATION_HELP,
  CONFIGURATION_OPTIONS,
  nothingMore,
  parse,
  readConfiguration,
  UsageError,
  whole,
  type Command,
} from '../support/usage.ts';

const STEPS = 5;
const WARM_UP = 2;

export const scalingCommand: Command = {
  name: 'scaling',
  usage: '[--over AXES] [--methods NAMES] [settings]',
  summary: 'measures what a training step costs as batches, chunks and ranks grow, and fits the exponents',
  help: `  --over AXES              with commas between, each with its values after = where they are to be others:
                           ${AXES.map((axis) => `${axis} (${AXIS_WORDS[axis].label})`).join(', ')}
                           (default all three; chunks=4:8:16 measures B 4, 8 and 16)
  --methods NAMES          with commas between (default all):
${METHODS.map(({ id, label }) => `                             ${id.padEnd(13)}${label}`).join('\n')}
  --steps N                measured steps of each point, of which the median counts (default ${STEPS})
  --warm-up N              steps before them (default ${WARM_UP})
  --svg FILE               write the curves as a picture
  --tsv FILE               write the points as a table
  --json                   the report as one JSON object
${FORCE_HELP}
${CONFIGURATION_HELP}
and every setting of train. Rows are as long as they may be. Stopped by Ctrl-C, it writes what it has measured so far.`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      ...FORCE_OPTION,
      over: { type: 'string' },
      methods: { type: 'string' },
      steps: { type: 'string' },
      'warm-up': { type: 'string' },
      svg: { type: 'string' },
      tsv: { type: 'string' },
      json: { type: 'boolean' },
    });
    nothingMore(positionals);
    const { svg, tsv } = values;
    const { configuration } = readConfiguration(values);
    const methods = chosenMethods(values.methods);
    const over = chosenAxes(values.over);
    const steps = whole('steps', values.steps, STEPS, { most: 1000 });
    const warmUp = whole('warm-up', values['warm-up'], WARM_UP, { least: 0, most: 1000 });
    const outputs = await Outputs.prepare(
      [
        { option: '--svg', path: svg, kind: 'file' },
        { option: '--tsv', path: tsv, kind: 'file' },
      ],
      { force: values.force },
    );
    const found = values.file && (await readGivenFiles(values.file, signal));
    const runtime = await openNodeRuntime();
    const line = new ProgressLine();
    try {
      const { gpu } = runtime;
      const usual = USUAL_VALUES[gpu.info.software ? 'software' : 'gpu'];
      const along: ScalingValues = Object.fromEntries(over.map(({ axis, values: own }) => [axis, own ?? usual[axis]]));
      const report = await measureScaling(scalingGrid(configuration, along, methods), {
        gpu,
        recipe: { configuration, text: found?.text, title: found?.title },
        openBases: () => openBases(requireModel(values.model), values['retriever-model']),
        warmUp,
        steps,
        signal,
        onProgress: ({ done, total, now }) => line.update(now === '' ? '' : `${done} of ${total}: ${now}`),
      });
      line.end(signal.aborted ? 'Stopped: what was measured until then follows.' : 'Measured.');
      process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : reportText(report));
      await outputs.write('--svg', () => [new TextEncoder().encode(scalingPicture(report))]);
      await outputs.write('--tsv', () => [new TextEncoder().encode(scalingTsv(report))]);
      outputs.finish();
    } finally {
      runtime.destroy();
    }
  },
};

function chosenMethods(text: string | undefined): typeof METHODS {
  if (text === undefined) return METHODS;
  return text.split(',').map((name) => {
    const found = METHODS.find(({ id }) => id === name.trim());
    if (!found) throw new UsageError(`--methods knows ${METHODS.map(({ id }) => id).join(', ')}, not “${name}”.`);
    return found;
  });
}

interface Along {
  readonly axis: Axis;
  readonly values: readonly number[] | undefined;
}

function chosenAxes(text: string | undefined): readonly Along[] {
  if (text === undefined) return AXES.map((axis) => ({ axis, values: undefined }));
  const all = text.split(',').map((part): Along => {
    const [name = '', given] = part.trim().split('=');
    const axis = AXES.find((one) => one === name);
    if (!axis) throw new UsageError(`--over knows ${AXES.join(', ')}, not “${name}”.`);
    return { axis, values: given === undefined ? undefined : valuesOf(axis, given) };
  });
  if (new Set(all.map(({ axis }) => axis)).size < all.length) throw new UsageError('--over names an axis twice.');
  return all;
}

function valuesOf(axis: Axis, text: string): readonly number[] {
  const { min, max } = SETTINGS[axis];
  const all = text.split(':').map((one) => whole(`over ${axis}`, one, NaN, { least: min, most: max }));
  return [...new Set(all)].sort((a, b) => a - b);
}

function reportText(report: ScalingReport): string {
  const { device, software, steps, curves } = report;
  const head = `Training steps on ${device}${software ? ' (software: no GPU)' : ''}, medians of ${steps}.\n`;
  return head + AXES.map((axis) => axisText(axis, curves)).join('');
}

function axisText(axis: Axis, all: readonly ScalingCurve[]): string {
  const curves = all.filter((curve) => curve.axis === axis);
  if (curves.length === 0) return '';
  const rows = curves.flatMap(({ label, points, omissions }) => [
    ...points.map(({ value, stepMs, workingBytes, peakBytes, flops, tokens }) => [
      label,
      String(value),
      timeText(stepMs),
      byteText(workingBytes),
      byteText(peakBytes),
      (flops / 1e9).toFixed(2),
      String(tokens),
    ]),
    ...omissions.map(({ value }) => [label, String(value), '–', '–', '–', '–', '–']),
  ]);
  const names = ['method', AXIS_WORDS[axis].short, 'step', 'beside weights', 'in all', 'GFLOP', 'tokens'];
  const fits = curves.flatMap(({ label, fits, claim }) => {
    const parts = QUANTITIES.flatMap((quantity) => {
      const fit = fits[quantity];
      return fit ? [`${QUANTITY_WORDS[quantity].label.toLowerCase()} ${exponentText(fit)}`] : [];
    });
    const claimed = claim === undefined ? '' : `; claimed for its cost: ${claim}`;
    return parts.length === 0
      ? []
      : [`${label}: exponents over ${AXIS_WORDS[axis].short}: ${parts.join(', ')}${claimed}\n`];
  });
  const left = curves.flatMap(({ label, omissions }) =>
    omissions.map(({ value, why }) => `${label}, ${AXIS_WORDS[axis].short} ${value} left out: ${why}\n`),
  );
  return `\nOver ${AXIS_WORDS[axis].label}\n${table([names, ...rows])}${fits.join('')}${left.join('')}`;
}
