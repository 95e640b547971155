import { textFile, type NamedFile } from '../../files/formats/zipWriter.ts';

// Fetched when a run is handed over: nobody else needs them.
const FILES = import.meta.glob<string>(
  ['/handover/runner/*.py', '/handover/launch/*.yaml', '/handover/train.sh', '/handover/requirements.txt'],
  { query: '?raw', import: 'default' },
);

/** The runner as it goes into an archive, with what starts it. */
export function runnerFiles(): Promise<NamedFile[]> {
  return Promise.all(
    Object.entries(FILES).map(async ([path, load]) => textFile(path.replace(/^\/handover\//, ''), await load())),
  );
}
