/**
 * The engine of the playground as a library: the same lab that the page talks to, without the page. It needs a WebGPU implementation
 * (`navigator.gpu`, or Dawn's in Node) and touches neither the DOM nor the network unless a checkpoint is asked for.
 *
 * A lab holds one session: a corpus, a retriever and a language model, a run. It is asked by commands (`LabCommand`), each of which is
 * answered with its own type (`Answers`) or rejected with a `LabFailure`, and tells what is so by events (`LabEvent`).
 *
 * @packageDocumentation
 */
import { Lab } from './lab/lab.ts';
import type { Surroundings } from './lab/desks/modelDesk.ts';
import type { LabEvent } from './lab/door/protocol.ts';

export { LabFailure } from './lab/door/labError.ts';
export { changedSettings, configure, defaultConfiguration } from './settings/configuration.ts';
export { preset, PRESETS } from './settings/presets.ts';

export type { FailureKind } from './base/errors.ts';
export type { GivenText } from './corpus/given.ts';
export type { FileStore } from './files/store/fileStore.ts';
export type { LabError } from './lab/door/labError.ts';
export type * from './lab/door/protocol.ts';
export type * from './lab/door/comparisonViews.ts';
export type * from './lab/door/encoderViews.ts';
export type * from './lab/door/evaluationViews.ts';
export type * from './lab/door/views.ts';
export type * from './run/record.ts';
export type { Configuration, SettingKey } from './settings/configuration.ts';
export type { Preset } from './settings/presets.ts';
export type { Lab, Surroundings };

export interface LabOptions extends Surroundings {
  /** WebGPU: `navigator.gpu` in a browser, `create([])` of the package `webgpu` in Node. */
  readonly gpu: GPU;
  /** Hears what is so, whoever asked: the text's summary, steps, evaluations, what was saved or lost. */
  readonly onEvent?: (event: LabEvent) => void;
}

/**
 * A lab in this thread. Nothing is kept between sessions unless `runs` and `models` say where; `close()` gives back all GPU memory.
 *
 * ```js
 * const lab = createLab({ gpu: navigator.gpu, onEvent: (event) => console.log(event) });
 * await lab.ask({ type: 'configure', configuration: configure({ seed: 1 }) });
 * await lab.ask({ type: 'train', steps: 20 });
 * ```
 */
export function createLab({ gpu, onEvent = () => undefined, ...surroundings }: LabOptions): Lab {
  return new Lab(gpu, onEvent, surroundings);
}
