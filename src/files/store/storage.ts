import type { StorageEstimate } from './fileStore.ts';

/** The browser's storage for this origin, where there is one: Node and pages without https have none. */
function storageManager(): StorageManager | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.storage;
}

/** How much this origin stores and may store, in bytes; browsers round both. */
export async function storageEstimate(): Promise<StorageEstimate> {
  const storage = storageManager() as Partial<StorageManager> | undefined;
  const { usage, quota } = (await storage?.estimate?.()) ?? {};
  return { usage, quota };
}
