import type { TextTokenizer } from '../../corpus/tokenizer/tokenizer.ts';
import { readSources } from '../../corpus/sources/readers/readers.ts';
import type { GivenText } from '../../corpus/given.ts';
import { openBoth } from '../../run/pretrained.ts';
import { previewText, type TextPreview } from '../../run/textPreview.ts';
import { configure, type Configuration } from '../../settings/configuration.ts';
import type { CommandOf } from '../door/protocol.ts';
import type { TextProgress } from '../door/views.ts';
import { BadInputError } from '../../base/errors.ts';
import type { ModelDesk } from './modelDesk.ts';

interface Reading {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: TextProgress) => void;
}

/** Reads files, and shows how a text is cut. Neither needs a run. */
export class TextDesk {
  constructor(private readonly models: ModelDesk) {}

  async read({ files }: CommandOf<'readFiles'>, { signal, onProgress }: Reading): Promise<GivenText> {
    const sources = files.map(({ path, blob }) => ({
      name: path,
      size: blob.size,
      bytes: async () => new Uint8Array(await blob.arrayBuffer()),
    }));
    return readSources(sources, { signal, onProgress: (detail, fraction) => onProgress({ detail, fraction }) });
  }

  async preview(command: CommandOf<'previewText'>, { signal, onProgress }: Reading): Promise<TextPreview> {
    const { text, from } = command;
    const configuration = configure({ ...command.configuration, source: 'text' });
    const tokenizers = await this.#tokenizers(configuration);
    return previewText(text, configuration, {
      tokenizers,
      from,
      signal,
      onProgress: (detail, fraction) => onProgress({ detail, fraction }),
    });
  }

  /** Of the checkpoints that are named, where they are here. */
  async #tokenizers(configuration: Configuration): Promise<readonly TextTokenizer[] | undefined> {
    if (configuration.base !== 'checkpoint') return undefined;
    try {
      const { languageModel, retriever } = await openBoth(configuration, (name) => this.models.open(name));
      return [...new Set([languageModel.tokenizer, retriever.tokenizer])];
    } catch (cause) {
      // One that is not here, or cannot be used, is told of where it is chosen.
      if (cause instanceof BadInputError) return undefined;
      throw cause;
    }
  }
}
