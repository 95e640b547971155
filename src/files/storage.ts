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

/**
 * Asks the browser not to clear this origin's storage when the disk gets full. Some browsers ask the user, so call it only
 * after a click, and in the page: workers cannot ask.
 * @returns whether it is promised; undefined where the browser cannot tell.
 */
export async function requestPersistence(): Promise<boolean | undefined> {
  const storage = storageManager() as Partial<StorageManager> | undefined;
  if (!storage?.persist) return undefined;
  return (await storage.persisted?.()) === true || (await storage.persist());
}
