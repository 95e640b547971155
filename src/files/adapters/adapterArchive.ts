import { ModelFileError, readJson, type FileLookup } from '../formats/byteSource.ts';
import { archiveReadme, type DescribedModel, type RunDescription } from './adapterReadme.ts';
import { adapterModules, type AdapterKind } from './adapterModules.ts';
import { openWeights } from '../models/weightFile.ts';
import { textChecksum } from '../formats/checksum.ts';
import { openZip, type ZipLimits } from '../formats/zipReader.ts';
import { inFolder, jsonFile, textFile, type NamedFile } from '../formats/zipWriter.ts';

/** Where each model lies in an archive. */
const FOLDER: Readonly<Record<AdapterKind, string>> = { retriever: 'retriever', languageModel: 'language-model' };
const CONFIGURATION = 'configuration.json';
const GATES = 'gates.json';
/** More layers than any model has. */
const MOST_GATES = 10_000;

/** A model of a run: an adapter (adapterFiles) or all its weights (decoderFiles). */
export interface ExportedModel extends DescribedModel {
  readonly files: readonly NamedFile[];
}

export interface RunExport {
  readonly retriever?: ExportedModel | undefined;
  readonly languageModel?: ExportedModel | undefined;
  /** decoderFiles of the base, where it is a small model of the run's own and on no hub. */
  readonly ownBase?: readonly NamedFile[] | undefined;
  /** γ of each layer of the language model, where they were learnt. */
  readonly gates?: readonly number[] | undefined;
  readonly run: RunDescription;
  /** Every setting of the run, as plain JSON. */
  readonly configuration: unknown;
}

/** The files of an archive, for zipChunks or for a folder on disk. */
export async function archiveFiles(run: RunExport): Promise<NamedFile[]> {
  const { retriever, languageModel, ownBase, gates } = run;
  const readme = archiveReadme({
    retriever,
    languageModel,
    ownBase: ownBase !== undefined,
    learntGates: gates !== undefined,
    run: run.run,
  });
  return [
    textFile('README.md', readme),
    jsonFile(CONFIGURATION, run.configuration),
    ...(gates ? [jsonFile(GATES, { contextGates: gates, checksum: await gatesChecksum(gates) })] : []),
    ...(ownBase ? inFolder('base', ownBase) : []),
    ...(retriever ? inFolder(FOLDER.retriever, retriever.files) : []),
    ...(languageModel ? inFolder(FOLDER.languageModel, languageModel.files) : []),
  ];
}

/** What an archive of adapters holds; each folder is for loadAdapter. */
export interface AdapterArchive {
  readonly retriever: FileLookup | undefined;
  readonly languageModel: FileLookup | undefined;
  /** γ per layer, where they were learnt. */
  readonly gates: readonly number[] | undefined;
  /** configuration.json, not looked into; undefined where there is none. */
  readonly configuration: unknown;
}

/** Folders in which adapters are looked for when the files cannot be listed. */
const KNOWN_FOLDERS = ['', 'retriever/', 'language-model/', 'retriever_adapter/', 'lm_adapter/'];

/**
 * Opens adapters: a zip file as exported here, a zip file of one or two PEFT folders, or folders as they lie on disk. Whose
 * adapter a folder holds is told by the names of its tensors.
 * @param names all file names, where `input` is a lookup that knows them; without them the usual folders are tried.
 * @throws ModelFileError, SafetensorsError when there is no adapter, two of the same kind, or a damaged or hostile file.
 */
export async function readAdapterArchive(
  input: Uint8Array | FileLookup,
  { names, limits }: { names?: readonly string[]; limits?: Partial<ZipLimits> } = {},
): Promise<AdapterArchive> {
  const zip = input instanceof Uint8Array ? openZip(input, limits) : { names, files: input };
  const folders = await adapterFolders(zip.files, zip.names);
  if (folders.length === 0)
    throw new ModelFileError(
      'There is no adapter here: no adapter_config.json is in it. Choose a PEFT folder or its zip file.',
    );
  const found = new Map<AdapterKind, FileLookup>();
  for (const [kind, [folder = '', ...others]] of await byKind(zip.files, folders)) {
    if (others.length > 0)
      throw new ModelFileError(
        `There are several adapters of a ${kind === 'retriever' ? 'retriever (a body without head)' : 'language model'}: ${namesOf([folder, ...others])}. Which one is meant cannot be told: choose one of these folders.`,
      );
    found.set(kind, (name) => zip.files(folder + name));
  }
  const beside = parents(folders);
  return {
    retriever: found.get('retriever'),
    languageModel: found.get('languageModel'),
    gates: await parseGates(await firstJson(zip.files, beside, GATES)),
    configuration: await firstJson(zip.files, beside, CONFIGURATION),
  };
}

async function byKind(files: FileLookup, folders: readonly string[]): Promise<Map<AdapterKind, string[]>> {
  const found = new Map<AdapterKind, string[]>();
  for (const folder of folders) {
    const { kind } = adapterModules(await openWeights((name) => files(folder + name), 'adapter_model'));
    found.set(kind, [...(found.get(kind) ?? []), folder]);
  }
  return found;
}

/** "checkpoint-10, checkpoint-20 and 3 more". */
function namesOf(folders: readonly string[]): string {
  const names = folders.map((folder) => folder.replace(/\/$/, '') || 'the files themselves');
  return `${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`;
}

/** What a trainer saves on its way, beside or below what it saves at the end: an adapter, or a folder of its own for each. */
const ON_THE_WAY = /(^|\/)checkpoint-\d+\//;

/** Folders that hold an adapter. Of a trainer's output that is the one at its root: what lies below was only on the way there. */
async function adapterFolders(files: FileLookup, names: readonly string[] | undefined): Promise<string[]> {
  const marker = 'adapter_config.json';
  if (names) {
    const all = names
      .filter((name) => name === marker || name.endsWith(`/${marker}`))
      .map((name) => name.slice(0, -marker.length));
    return all.filter((folder) => {
      const above = folder.replace(ON_THE_WAY, '$1');
      return above === folder || !all.includes(above);
    });
  }
  const found: string[] = [];
  for (const folder of KNOWN_FOLDERS) if (await files(folder + marker)) found.push(folder);
  return found;
}

/** The folders around the adapters' own, innermost first, then theirs: there the run's other files lie. */
function parents(folders: readonly string[]): string[] {
  const around = folders.map((folder) => folder.replace(/[^/]*\/$/, ''));
  return [...new Set([...around, ...folders])];
}

async function firstJson(files: FileLookup, folders: readonly string[], name: string): Promise<unknown> {
  for (const folder of folders) if (await files(folder + name)) return readJson(files, folder + name);
  return undefined;
}

function gatesChecksum(gates: readonly number[]): Promise<string> {
  return textChecksum(JSON.stringify(gates));
}

async function parseGates(json: unknown): Promise<number[] | undefined> {
  if (json === undefined) return undefined;
  const { contextGates: gates, checksum } = (json ?? {}) as Record<string, unknown>;
  const finite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
  if (!Array.isArray(gates) || gates.length > MOST_GATES || !gates.every(finite))
    throw new ModelFileError(`${GATES} should hold "contextGates", a list of one number per layer.`);
  // Files of older versions have none.
  if (checksum !== undefined && checksum !== (await gatesChecksum(gates)))
    throw new ModelFileError(`${GATES} is damaged: its checksum is not that of its numbers. Use another copy.`);
  return gates;
}
