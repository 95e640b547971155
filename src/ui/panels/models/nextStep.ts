import type { Configuration } from '../../../settings/configuration.ts';
import type { ModelView } from '../../../lab/door/views.ts';
import { bytes } from '../../components/format.ts';
import { isHubId, isNamed } from './names.ts';

/** What to do next for a run on a checkpoint. */
export interface NextStep {
  readonly kind: 'wait' | 'lookUp' | 'download' | 'goOn' | 'openFolder' | 'fit' | 'train';
  readonly text: string;
  /** The checkpoint it is about. */
  readonly id: string;
}

export interface Circumstances {
  /** What is here; undefined until the lab has said. */
  readonly models: readonly ModelView[] | undefined;
  /** Checkpoint that was looked up. */
  readonly offered: string | undefined;
  /** Checkpoint that is being downloaded at this moment. */
  readonly downloading: string | undefined;
  /** Whether the run as chosen needs more memory than it may take. */
  readonly refused: boolean;
}

/** The next step towards training on the chosen checkpoint; undefined for the small models, which need none. */
export function nextStep(configuration: Configuration, at: Circumstances): NextStep | undefined {
  if (configuration.base === 'scratch') return undefined;
  const { models, offered, downloading } = at;
  const wanted = [configuration.checkpoint, configuration.retrieverCheckpoint].filter((name) => name !== '');
  if (!models) return { kind: 'wait', text: 'Looking at what this browser keeps …', id: configuration.checkpoint };
  const missing = wanted.find((name) => !models.some((model) => model.state !== 'partial' && isNamed(model, name)));
  if (missing === undefined) {
    const id = configuration.checkpoint;
    if (at.refused)
      return { kind: 'fit', text: 'Everything is here, but the run needs more memory than it may take.', id };
    return { kind: 'train', text: 'Everything is here. Press Train.', id };
  }
  const partial = models.find((model) => model.state === 'partial' && isNamed(model, missing));
  if (downloading !== undefined && (downloading === missing || downloading === partial?.id)) {
    return { kind: 'wait', text: `${missing} is on its way. You can go on using the page.`, id: missing };
  }
  if (partial) {
    const text = `${missing} is here in part: ${bytes(partial.doneBytes)} of ${bytes(partial.bytes)}.`;
    return { kind: 'goOn', text, id: partial.id };
  }
  if (!isHubId(missing)) {
    return { kind: 'openFolder', text: `The folder ${missing} is not open. Choose or drop it below.`, id: missing };
  }
  if (offered === missing) {
    return {
      kind: 'download',
      text: `${missing} is not here yet. What it costs stands below; nothing is downloaded before you say so.`,
      id: missing,
    };
  }
  const text = `${missing} is not here yet. Look up what it costs; nothing is downloaded before you say so.`;
  return { kind: 'lookUp', text, id: missing };
}
