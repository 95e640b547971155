import { readFile } from 'node:fs/promises';
import { factCollection } from '../../evaluation/collections/facts.ts';
import { FACTS_COLLECTION } from '../../evaluation/collections/builtInTable.ts';
import type { LabelledCollection } from '../../evaluation/collections/collection.ts';
import { comparisonSvg } from '../../run/comparison/chart.ts';
import { budgetOf, BUDGETS, ComparisonError, readComparison } from '../../run/comparison/definition.ts';
import { amountText, comparisonJson, curvesTsv, tableNotes, tableRows } from '../../run/comparison/report.ts';
import { runComparison, type ComparisonEvent } from '../../run/comparison/runComparison.ts';
import type { ComparisonState, ComparisonStore } from '../../run/comparison/state.ts';
import { comparedTable } from '../../run/comparison/summary.ts';
import { CHOSEN_BY } from '../../run/comparison/trials.ts';
import { comparisonStore } from '../support/comparisonFiles.ts';
import { openCollection } from '../support/evaluation/collectionSource.ts';
import { reading } from '../support/fileProblems.ts';
import { readGivenFiles } from '../support/givenFiles.ts';
import { openEncoderFolder } from '../support/encoder.ts';
import { openBases, requireModel } from '../support/modelFolder.ts';
import { openNodeRuntime } from '../support/nodeGpu.ts';
import { gpuText, reportNotices, table } from '../support/reports.ts';
import {
  CONFIGURATION_HELP,
  CONFIGURATION_OPTIONS,
  parse,
  readConfiguration,
  UsageError,
  type Command,
} from '../support/usage.ts';

export const compareCommand: Command = {
  name: 'compare',
  usage: 'FILE.json [--out DIR [--resume]] [--json]',
  summary:
    'trains several objectives or settings over seeds at one budget, and says which is better and whether that is luck',
  help: `  FILE.json                what is compared: docs/EVALUATION.md, "Comparisons", has an example
  --out DIR                keep its state there, and write comparison.json, curves.tsv and a chart by ${BUDGETS.join(', ')} (.svg)
  --resume                 go on with the comparison that DIR holds, where it was stopped
  --encoder DIR            the pretrained encoder that teaches, where a teacher is one
  --json                   print everything as one JSON object
${CONFIGURATION_HELP}
and every setting of train: what all runs have in common, beneath the file's own settings.
Ctrl-C ends it after the step under way, with everything kept to go on from.`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      out: { type: 'string' },
      resume: { type: 'boolean' },
      encoder: { type: 'string' },
      json: { type: 'boolean' },
    });
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) throw new UsageError('Give one file: compare FILE.json.');
    const { configuration: base } = readConfiguration(values);
    const definition = readComparison(await jsonOf(path), base);
    const collection = await collectionOf(definition.collection, signal);
    const given = values.file === undefined ? undefined : await readGivenFiles(values.file, signal);
    const store = await comparisonStore(values.out, values.resume === true);
    const teacher = values.encoder === undefined ? undefined : await openEncoderFolder(values.encoder, { signal });
    const runtime = await openNodeRuntime();
    let state: ComparisonState | undefined;
    try {
      const events = runComparison(definition, {
        runtime,
        base,
        text: given?.text,
        title: given?.title,
        openBases: () => openBases(requireModel(values.model), values['retriever-model']),
        collection,
        teacher,
        store,
        device: gpuText(runtime),
        signal,
      });
      for (;;) {
        const { done, value } = await events.next();
        if (done) {
          state = value;
          break;
        }
        tell(value, definition.score);
      }
    } finally {
      runtime.destroy();
      await teacher?.close();
    }
    if (signal.aborted && values.out !== undefined)
      process.stderr.write(`Stopped: go on with compare ${path} --out ${values.out} --resume.\n`);
    if (!state.results.some(({ purpose }) => purpose === 'reported')) return;
    await writeAll(store, state);
    process.stdout.write(values.json ? `${JSON.stringify(comparisonJson(state))}\n` : tablesText(state));
  },
};

async function jsonOf(path: string): Promise<unknown> {
  const text = await reading(path, readFile(path, 'utf8'));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ComparisonError(`${path} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}.`);
  }
}

async function collectionOf(name: string | undefined, signal: AbortSignal): Promise<LabelledCollection | undefined> {
  if (name === undefined) return undefined;
  if (name === FACTS_COLLECTION) return factCollection();
  const collection = await openCollection({ collection: name }, signal);
  reportNotices(collection.notices);
  return collection;
}

/** Progress goes to standard error: what is printed is the result. */
function tell(event: ComparisonEvent, score: string): void {
  const write = (text: string): unknown => process.stderr.write(`${text}\n`);
  if (event.type === 'trial') {
    const { contender, seed, learningRate, purpose } = event.trial;
    const why = purpose === 'choosing' ? ', to choose a rate' : '';
    const from = event.goesOnAfter > 0 ? `, on from step ${event.goesOnAfter}` : '';
    write(`run ${event.number} of ${event.of}: ${contender}, seed ${seed}, rate ${learningRate}${why}${from}`);
  } else if (event.type === 'point') {
    const { point, share } = event;
    const words = [...new Set([CHOSEN_BY, score])]
      .map((name) => `${name} ${point.scores[name]?.toFixed(3) ?? '–'}`)
      .join(', ');
    write(`  ${Math.round(100 * share)} %, step ${point.steps}: ${words}`);
  } else if (event.result.divergedAt !== undefined) write(`  diverged at step ${event.result.divergedAt}`);
}

/** The table at the budget, and those at as many steps and operations as all have come to. */
function tablesText(state: ComparisonState): string {
  const { kind } = budgetOf(state.definition);
  const axes = [kind, ...(['steps', 'flops'] as const).filter((axis) => axis !== kind)];
  const parts = axes.map((axis) => {
    const one = comparedTable(state, axis);
    const notes =
      axis === kind
        ? tableNotes(state, one)
        : [`At ${amountText(axis, one.amount)}: the most that all have come to, on a straight line between looks.`];
    return `${table(tableRows(state, one))}${notes.map((note) => `${note}\n`).join('')}`;
  });
  return `${state.definition.title}\n\n${parts.join('\n')}`;
}

async function writeAll(store: ComparisonStore, state: ComparisonState): Promise<void> {
  const files: Record<string, string> = {
    'comparison.json': `${JSON.stringify(comparisonJson(state), undefined, 1)}\n`,
    'curves.tsv': curvesTsv(state),
    ...Object.fromEntries(BUDGETS.map((axis) => [`${axis}.svg`, comparisonSvg(state, axis)])),
  };
  for (const [name, text] of Object.entries(files)) await store.write(name, [new TextEncoder().encode(text)]);
}
