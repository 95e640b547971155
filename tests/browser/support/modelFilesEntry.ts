import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { downloadModel } from '../../../src/files/hub/download.ts';
import { repositoryAddress } from '../../../src/files/hub/hub.ts';
import { hubFiles } from '../../../src/files/hub/hubFiles.ts';
import { importFolder } from '../../../src/files/models/modelFolder.ts';
import { openBrowserStore } from '../../../src/files/store/opfs.ts';
import { describeRepository } from '../../../src/files/hub/repository.ts';
import { deleteModel, listModels, openModel, storedDescription } from '../../../src/files/store/storedModels.ts';
import type { FileLookup } from '../../../src/files/formats/byteSource.ts';

/** What the tests ask of the modules for files; runs in a worker and in the page itself. */
const commands = {
  download: async (hub: string, repository: string) => {
    const description = await describeRepository(repositoryAddress(repository, 'main', hub));
    return downloadModel(description, await openBrowserStore());
  },
  resume: async (id: string) => {
    const store = await openBrowserStore();
    const description = await storedDescription(store, id);
    if (!description) throw new Error(`Nothing of ${id} is stored.`);
    return downloadModel(description, store);
  },
  import: async (name: string, texts: Record<string, string>) =>
    importFolder(
      await openBrowserStore(),
      name,
      Object.entries(texts).map(([path, text]) => ({ path, blob: new Blob([text]) })),
    ),
  list: async () => listModels(await openBrowserStore()),
  delete: async (id: string) => deleteModel(await openBrowserStore(), id),
  digest: async (id: string, name: string) => digest(await openModel(await openBrowserStore(), id), name),
  digestFromHub: async (hub: string, repository: string, name: string) => {
    return digest(hubFiles(await describeRepository(repositoryAddress(repository, 'main', hub))), name);
  },
};

async function digest(files: FileLookup, name: string): Promise<string | undefined> {
  const source = await files(name);
  return source && bytesToHex(sha256(await source.read(0, source.size)));
}

export type Commands = typeof commands;
export interface FilesScope {
  /** Runs a command; an error comes back as its name and message. */
  runFiles(name: string, args: unknown[]): Promise<{ result?: unknown; error?: string }>;
}

(globalThis as unknown as FilesScope).runFiles = async (name, args) => {
  try {
    const command = commands[name as keyof Commands] as (...args: unknown[]) => Promise<unknown>;
    return { result: await command(...args) };
  } catch (cause) {
    return { error: cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause) };
  }
};

addEventListener('message', (event: MessageEvent<{ name: string; args: unknown[]; port?: MessagePort }>) => {
  const { name, args, port } = event.data;
  if (port) void (globalThis as unknown as FilesScope).runFiles(name, args).then((answer) => port.postMessage(answer));
});
