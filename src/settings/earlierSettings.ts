/**
 * Settings as they were written before chunks could be fitted to a reader's own text: their chunks are as long as they say. What is
 * written today says itself how they are fitted.
 */
export function asTheyWereMeant(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEarlier = settings['source'] === 'text' && !Object.hasOwn(settings, 'chunkFit');
  return isEarlier ? { ...settings, chunkFit: 'fixed' } : { ...settings };
}
