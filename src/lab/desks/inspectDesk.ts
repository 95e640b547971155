import { CorpusError, requireInteger } from '../../corpus/errors.ts';
import { attributeGain, type Attribution } from '../../objectives/revela/attribution.ts';
import { inspectPair, type PairInspection } from '../../objectives/revela/inspection.ts';
import { isRevelaBatch, withLanguageModel } from '../../objectives/revela/objective.ts';
import { revelaOptions } from '../../objectives/revela/options.ts';
import type { OpenRun } from '../../run/openRun.ts';
import type { InspectCommand, LabEvent } from '../door/protocol.ts';
import { batchView } from '../../run/records.ts';
import type { BatchView } from '../../run/record.ts';

/** What an inspection was made of. */
export interface InspectedBatch {
  /** The step whose batch was looked at. */
  readonly step: number;
  /** Updates made by then: the weights are those after so many. */
  readonly updates: number;
  readonly batch: BatchView;
}

/** How one chunk reads another; [H, L_i, L_j] and [H, L_i] lie row-major, tokens as in the batch. */
export interface PairView extends InspectedBatch, PairInspection {}

/** Which neighbour each chunk's gain comes from. */
export interface AttributionView extends InspectedBatch, Attribution {}

/** Looks inside the run that is open, between two of its steps; the steps that follow are the same to the bit. */
export class InspectDesk {
  #working: AbortController | undefined;

  constructor(private readonly emit: (event: LabEvent) => void) {}

  stop(): void {
    this.#working?.abort();
  }

  /** @throws CorpusError for a step, pair or layer that is not there; the GPU's errors. */
  async handle(command: Exclude<InspectCommand, { type: 'stopInspection' }>, run: OpenRun): Promise<void> {
    const { runtime, experiment, prepared } = run;
    const { optimiser, feed } = experiment;
    const { configuration } = prepared.recipe;
    requireInteger('The step to look at', command.step, 1, Math.max(1, optimiser.step));
    // Of a step with several batches, its record shows the last.
    const batch = feed.batchAt(command.step * configuration.accumulation - 1);
    if (!isRevelaBatch(batch))
      throw new CorpusError(
        'invalid-option',
        'There is no in-batch attention to look into: this run trains the retriever without a language model.',
      );
    const models = withLanguageModel(experiment.models);
    const { layers } = models.languageModel.config;
    const options = revelaOptions(configuration, layers);
    const of = {
      step: command.step,
      updates: optimiser.step,
      batch: batchView(batch, prepared.corpus, configuration),
    };
    const { fixedAttention } = batch;
    if (command.type === 'inspectPair') {
      const last = batch.labels.length - 1;
      requireInteger('The chunk that reads', command.query, 0, last);
      requireInteger('The chunk that is read', command.context, 0, last);
      if (command.query === command.context)
        throw new CorpusError('invalid-option', 'No chunk reads itself. Choose a cell off the diagonal.');
      if (command.layer !== undefined) requireInteger('The layer', command.layer, 0, layers - 1);
      const pair = await inspectPair(runtime, models, batch.tokens, options, command, fixedAttention);
      this.emit({ type: 'inspected', pair: { ...of, ...pair } });
      return;
    }
    const control = new AbortController();
    this.#working = control;
    try {
      const attribution = await attributeGain(runtime, models, batch.tokens, options, {
        fixedAttention,
        signal: control.signal,
        onProgress: (fraction) => this.emit({ type: 'attributing', fraction }),
      });
      this.emit({ type: 'attributed', attribution: { ...of, ...attribution } });
    } catch (cause) {
      // Stopping is nobody's mistake.
      if (!control.signal.aborted) throw cause;
    } finally {
      this.#working = undefined;
    }
  }
}
