import type { GivenText } from '../corpus/given.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { CorpusSetup } from './corpusSetup.ts';
import type { Bases } from './pretrained.ts';

/** What a run is made from: all that a run needs to be made again. */
export interface Recipe {
  readonly configuration: Configuration;
  /** The reader's own text, where the configuration's source is 'text'. */
  readonly text: GivenText | undefined;
  /** What it is called. */
  readonly title: string | undefined;
}

/** A recipe whose text is read, cut and tokenised, and whose checkpoints are found. */
export interface PreparedRun {
  readonly recipe: Recipe;
  readonly corpus: CorpusSetup;
  readonly bases: Bases | undefined;
}
