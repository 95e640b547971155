/** This process's environment without what lets Node find its GPU: a browser brings its own libraries. */
export function browserEnvironment(): Record<string, string> {
  const ofNode = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'LD_LIBRARY_PATH'];
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !ofNode.includes(entry[0]),
    ),
  );
}
