import { listed } from '../../../base/lists.ts';
import { shown, type DecoderConfig } from '../../../models/config.ts';
import type { GgufFile } from '../../formats/gguf/gguf.ts';
import { GgufError } from '../../formats/gguf/ggufError.ts';
import { ARCHITECTURES, type Architecture } from './architectures.ts';

/** What a GGUF file says of the shape of its model, checked as far as only the file can be. */
export interface GgufShape extends Pick<
  DecoderConfig,
  'hiddenSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'intermediateSize'
> {
  readonly architecture: Architecture;
  /** What its keys begin with: the architecture's name. */
  readonly prefix: string;
}

const RUNNABLE = listed([...ARCHITECTURES.keys()]);

/** @throws GgufError for another architecture, and for what none of those that can be run has. */
export function ggufShape({ source, metadata }: GgufFile): GgufShape {
  const { name: file } = source;
  const prefix = metadata.require('general.architecture', 'text');
  const architecture = ARCHITECTURES.get(prefix);
  if (!architecture)
    throw new GgufError(
      `${file} holds a model of the architecture ${shown(prefix)}; ${RUNNABLE} can be run. Take another model.`,
    );
  const key = (name: string): string => `${prefix}.${name}`;
  const size = (name: string): number => {
    const value = metadata.require(key(name), 'count');
    if (value < 1) throw new GgufError(`${file}: ${key(name)} should be at least 1.`);
    return value;
  };
  const [hiddenSize, heads] = [size('embedding_length'), size('attention.head_count')];
  const kvHeads = metadata.count(key('attention.head_count_kv')) ?? heads;
  const rotated = metadata.count(key('rope.dimension_count'));
  const headDim = metadata.count(key('attention.key_length')) ?? Math.floor(hiddenSize / heads);
  if (headDim < 2 || headDim % 2 !== 0)
    throw new GgufError(`${file}: its heads have ${headDim} numbers; rotary positions need an even number of them.`);
  if (rotated !== undefined && rotated !== headDim)
    throw new GgufError(
      `${file}: only ${rotated} of the ${headDim} numbers of a head are rotated, which cannot be run. Take another model.`,
    );
  const valueLength = metadata.count(key('attention.value_length'));
  if (valueLength !== undefined && valueLength !== headDim)
    throw new GgufError(
      `${file}: its keys and values have different lengths (${headDim}, ${valueLength}), which cannot be run.`,
    );
  if ((metadata.count(key('expert_count')) ?? 0) > 0)
    throw new GgufError(`${file} is a mixture of experts, which cannot be run. Take a dense model.`);
  const window = metadata.count(key('attention.sliding_window')) ?? 0;
  if (window > 0 && window < (metadata.count(key('context_length')) ?? Infinity))
    throw new GgufError(`${file}: sliding-window attention cannot be run. Take another model.`);
  return {
    architecture,
    prefix,
    hiddenSize,
    layers: size('block_count'),
    heads,
    kvHeads,
    headDim,
    intermediateSize: size('feed_forward_length'),
  };
}
