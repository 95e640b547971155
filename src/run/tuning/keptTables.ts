import { textChecksum } from '../../files/formats/checksum.ts';
import { readJsonFile, writeJsonFile, type FileStore } from '../../files/store/fileStore.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { TileTable } from '../../ops/core/tileChoice.ts';
import { adapterName, deviceName, kernelsName } from './deviceName.ts';
import { knownTable, type KnownTable } from './knownTables.ts';

/** Where a runtime has what it knows of its tiles from. */
export type TilesFrom = 'rule' | 'known' | 'kept';

const FILE = 'tiles.json';
/** Where it is kept that the rule is to decide, on whatever device. */
const CHOICE = 'choice';

interface Choice {
  readonly isByRule: boolean;
}

/** What was measured of tiles on this machine, and whether it is to be used, from one visit to the next. Storage that fails costs the next visit a measurement. */
export class KeptTables {
  constructor(
    /** What devices are reached through, with its version. */
    private readonly host: string,
    /** Undefined where nothing can be stored. */
    private readonly open?: () => Promise<FileStore>,
    private readonly known?: readonly KnownTable[],
  ) {}

  /** Tells a fresh runtime what is known of its device: what was measured here, else what others measured on one like it. */
  async tell({ gpu: { info }, tiles }: Runtime): Promise<TilesFrom> {
    tiles.device = await deviceName(info, this.host, tiles.set);
    const store = await this.#store();
    const kept = store && (await readJsonFile(store, await folderOf(info), FILE).catch(() => undefined));
    tiles.adopt((kept ?? undefined) as TileTable | undefined);
    const choice = store && (await readJsonFile(store, CHOICE, FILE).catch(() => undefined));
    tiles.isByRule = (choice as Choice | undefined)?.isByRule === true;
    if (tiles.measured.length > 0) return 'kept';
    const known = knownTable(info, await kernelsName(tiles.set), this.known);
    tiles.take(known?.measured ?? []);
    tiles.workgroups ??= known?.workgroups;
    return tiles.measured.length > 0 ? 'known' : 'rule';
  }

  /** Keeps what a runtime knows, in the place of what was kept of its device. */
  async keep({ gpu: { info }, tiles }: Runtime): Promise<void> {
    const store = await this.#store();
    if (store) await writeJsonFile(store, await folderOf(info), FILE, tiles.table).catch(() => undefined);
  }

  /** Keeps whether the rule is to decide. */
  async keepChoice({ tiles: { isByRule } }: Runtime): Promise<void> {
    const store = await this.#store();
    if (store) await writeJsonFile(store, CHOICE, FILE, { isByRule } satisfies Choice).catch(() => undefined);
  }

  #store(): Promise<FileStore | undefined> {
    return this.open?.().catch(() => undefined) ?? Promise.resolve(undefined);
  }
}

/** One for each device: what another browser's version or other kernels left there is of no use any more. */
async function folderOf(info: Runtime['gpu']['info']): Promise<string> {
  return (await textChecksum(adapterName(info))).slice(0, 16);
}
