import { vi } from 'vitest';
import { main } from '../../src/cli/main.ts';

/** Runs a command as the launcher does; what it prints is caught. */
export async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
  try {
    const code = await main(args, new AbortController().signal);
    return { code, out, err };
  } finally {
    vi.restoreAllMocks();
  }
}

/** The objects of --json, one a line. */
export function lines(out: string): Record<string, unknown>[] {
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
