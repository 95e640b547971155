import { CheckError } from '../../../components/check.ts';

/** How the log of a run begins that was handed over: `log.jsonl` of its runner. */
const BEGINNING = /^\{\s*"format"\s*:\s*"revela log 1"/;
/** Bytes of a file that its beginning is in. */
const BEGINNING_BYTES = 64;

/** Whether a text is such a log. */
export function isLog(content: string): boolean {
  return BEGINNING.test(content);
}

/** Whether a file is such a log, by its first bytes: files of texts have the same name. */
export async function isLogFile(file: Blob): Promise<boolean> {
  return isLog(await file.slice(0, BEGINNING_BYTES).text());
}

/**
 * A log as the run that it tells of: nothing in it is checked yet. A last line that was cut off is left out: the run may be under way.
 * @throws CheckError for another line that is no JSON
 */
export function recordOfLog(content: string): Record<string, unknown> {
  const [head = {}, ...lines] = parsed(content);
  const told = (kind: string): unknown[] => lines.flatMap((line) => (kind in line ? [line[kind]] : []));
  const scores = told('scores') as ScoresLine[];
  const { name, configuration, corpus, adapter } = head;
  return {
    version: 1,
    name,
    configuration,
    corpus,
    adapter,
    metrics: told('step'),
    snapshots: told('snapshot'),
    evaluations: [],
    ...(scores.length > 0 && {
      collection: { ...scores.at(-1)?.of, scores: scores.map((one) => ({ step: one?.step, means: one?.means })) },
    }),
  };
}

/** Scores on the held-out collection, as they come out of a file. */
type ScoresLine = { readonly step?: unknown; readonly means?: unknown; readonly of?: object } | null | undefined;

function parsed(content: string): Record<string, unknown>[] {
  const lines = content.split('\n').filter((line) => line !== '');
  return lines.flatMap((line, i): Record<string, unknown>[] => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [];
    } catch {
      if (i === lines.length - 1) return [];
      throw new CheckError(`line ${i + 1} is no JSON.`);
    }
  });
}
