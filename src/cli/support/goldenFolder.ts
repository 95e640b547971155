import { quoted } from '../../base/quote.ts';
import { BadInputError } from '../../base/errors.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenBatch } from '../../corpus/types.ts';
import type { LossMask } from '../../objectives/revela/predictedTokens.ts';
import { POOLINGS, type Pooling } from '../../ops/pooling.ts';

/** options.json of a golden step. */
export interface GoldenOptions {
  readonly retrieverBase: string;
  readonly lmBase: string;
  readonly train: 'lora' | 'full';
  readonly temperature: number;
  readonly vNorm: boolean;
  readonly dualLoss: boolean;
  readonly pooling: Pooling;
  /** Layers that the retriever runs, as the setting counts them: 0 all. */
  readonly retrieverDepth: number;
  /** Whether the mean of all batches, as the retriever is before the first step, is subtracted. */
  readonly centring: boolean;
  readonly freezeLanguageModel: boolean;
  readonly freezeRetriever: boolean;
  readonly detachKeyValues: boolean;
  readonly lossMask: LossMask;
  readonly contextGate: number;
  readonly contextLayers: readonly number[] | undefined;
  readonly optimizer: GoldenOptimizer | undefined;
}

export interface GoldenOptimizer {
  readonly learningRates: readonly number[];
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
}

/** A folder that the step command cannot run, with the reason. */
export class GoldenFolderError extends BadInputError {
  override readonly name = 'GoldenFolderError';
}

const KNOWN = [
  'retrieverBase', 'lmBase', 'train', 'temperature', 'vNorm', 'dualLoss', 'pooling', 'retrieverDepth', 'centring', 'freezeLanguageModel', 'freezeRetriever',
  'detachKeyValues', 'lossMask', 'contextGate', 'contextLayers', 'optimizer',
]; // prettier-ignore

/** Reads options.json; an option that is not known is an error, never ignored. */
export async function readGoldenOptions(folder: string): Promise<GoldenOptions> {
  const fields = await readObject(folder, 'options.json');
  const unknown = Object.keys(fields).filter((key) => !KNOWN.includes(key));
  if (unknown.length > 0)
    throw new GoldenFolderError(`options.json has options that are not known: ${unknown.join(', ')}.`);
  const fail = (key: string, expected: string): never => {
    throw new GoldenFolderError(`options.json: ${key} should be ${expected}, not ${quoted(fields[key])}.`);
  };
  const text = (key: string): string => {
    const value = fields[key];
    return typeof value === 'string' ? value : fail(key, 'a text');
  };
  const flag = (key: string): boolean => {
    const value = fields[key] ?? false;
    return typeof value === 'boolean' ? value : fail(key, 'true or false');
  };
  const number = (key: string, fallback?: number): number => {
    const value = fields[key] ?? fallback;
    return typeof value === 'number' && Number.isFinite(value) ? value : fail(key, 'a number');
  };
  const choice = <T extends string>(key: string, choices: readonly T[], fallback: T): T => {
    const value = fields[key] ?? fallback;
    return choices.find((candidate) => candidate === value) ?? fail(key, `one of ${choices.join(', ')}`);
  };
  const layers = fields['contextLayers'] ?? undefined;
  if (layers !== undefined && !(Array.isArray(layers) && layers.every((layer) => Number.isInteger(layer))))
    return fail('contextLayers', 'a list of layer numbers');
  return {
    retrieverBase: text('retrieverBase'),
    lmBase: text('lmBase'),
    train: choice('train', ['lora', 'full'], 'lora'),
    temperature: number('temperature'),
    vNorm: flag('vNorm'),
    dualLoss: flag('dualLoss'),
    pooling: choice<Pooling>('pooling', POOLINGS, 'eos'),
    retrieverDepth: number('retrieverDepth', 0),
    centring: flag('centring'),
    freezeLanguageModel: flag('freezeLanguageModel'),
    freezeRetriever: flag('freezeRetriever'),
    detachKeyValues: flag('detachKeyValues'),
    lossMask: choice<LossMask>('lossMask', ['all', 'secondHalf'], 'all'),
    contextGate: number('contextGate', 1),
    contextLayers: layers as number[] | undefined,
    optimizer: fields['optimizer'] as GoldenOptimizer | undefined,
  };
}

/** Reads batches.json. */
export async function readGoldenBatches(folder: string): Promise<TokenBatch[]> {
  const batches: unknown = JSON.parse(await readFile(join(folder, 'batches.json'), 'utf8'));
  if (!Array.isArray(batches) || batches.length === 0)
    throw new GoldenFolderError('batches.json holds no list of batches.');
  return batches as TokenBatch[];
}

async function readObject(folder: string, name: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(join(folder, name), 'utf8');
  } catch {
    throw new GoldenFolderError(`${folder} has no ${name}: it is not a folder of a golden step.`);
  }
  const json: unknown = JSON.parse(text);
  if (typeof json !== 'object' || json === null) throw new GoldenFolderError(`${name} does not hold an object.`);
  return json as Record<string, unknown>;
}
