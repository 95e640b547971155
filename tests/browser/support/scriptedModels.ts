import { expect, type Page } from '@playwright/test';
import { configure, type Configuration } from '../../../src/settings/configuration.ts';
import type { CommandOf, CommandType, LabCommand } from '../../../src/lab/door/protocol.ts';
import type {
  ModelOffer,
  ModelsView,
  ModelView,
  PlanView,
  ResumedRun,
  SearchResult,
} from '../../../src/lab/door/views.ts';
import type { SavedRunView } from '../../../src/run/savedRuns.ts';
import { answer, commands, openPanel } from './openPage.ts';
import { inventedRun } from './inventedRun.ts';

/** Waits until the page has asked the lab for this, `times` times, and gives the last of them. */
export async function asked<T extends CommandType>(page: Page, type: T, times = 1): Promise<CommandOf<T>> {
  let found: LabCommand[] = [];
  await expect
    .poll(async () => {
      found = (await commands(page)).filter((command) => command.type === type);
      return found.length;
    })
    .toBeGreaterThanOrEqual(times);
  return found.at(-1) as CommandOf<T>;
}

/** Opens the panel of checkpoints and says what is here. */
export async function openModels(page: Page, models: readonly ModelView[] = []): Promise<void> {
  await openPanel(page, 'Model');
  await asked(page, 'listModels');
  await answer(page, 'listModels', list(models));
}

export const QWEN = 'Qwen/Qwen2.5-0.5B';
const COMMIT = '060db6499f32faf8b98477b0a26969ef7d8b9987';

export function model(changes: Partial<ModelView> = {}): ModelView {
  const bytes = 988.1e6;
  const storedAt = new Date(2026, 2, 4, 12, 30).getTime();
  return { id: `${QWEN}@${COMMIT}`, state: 'stored', bytes, doneBytes: changes.bytes ?? bytes, storedAt, ...changes };
}

export function list(models: readonly ModelView[], quota = 32e9): ModelsView {
  const usage = models.reduce((sum, { doneBytes }) => sum + doneBytes, 0);
  return { models, storage: { usage, quota, persisted: false } };
}

export function offer(changes: Partial<ModelOffer> = {}): ModelOffer {
  const files = [
    { name: 'config.json', bytes: 681 },
    { name: 'tokenizer.json', bytes: 7.03e6 },
    { name: 'tokenizer_config.json', bytes: 7228 },
    { name: 'model.safetensors', bytes: 988.1e6 },
  ];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const shape = '24 layers of width 896, 14 query heads on 2 key/value heads, 151,936 tokens';
  return { id: QWEN, revision: COMMIT, bytes, files, shape, packed: [], notices: [], ...changes };
}

export function plan(configuration: Configuration, changes: Partial<PlanView> = {}): PlanView {
  const parts = { weights: 988e6, gradients: 35e6, optimiser: 70e6, activations: 480e6, scratch: 61e6 };
  const fits = { peak: 1.58e9, budget: 4e9, refusal: undefined, assumption: undefined, nearest: undefined };
  return { configuration, ...parts, ...fits, ...changes };
}

export function savedRun(changes: Partial<SavedRunView> = {}): SavedRunView {
  const savedAt = new Date(2026, 2, 4, 12, 30).getTime();
  return {
    id: 'one',
    name: 'The kitchen on Qwen2.5-0.5B',
    step: 120,
    savedAt,
    bytes: 106e6,
    ...changes,
  };
}

/** A run of `steps` steps that has been put back. */
export function resumed(steps: number, configuration = configure({ seed: 7 })): ResumedRun {
  const run = { ...inventedRun(steps), configuration };
  return {
    id: 'one',
    isCopy: false,
    without: undefined,
    configuration,
    text: undefined,
    title: undefined,
    step: steps,
    run,
    corpus: run.corpus,
  };
}

const TEXTS = [
  ['Bread', 'A dough that is left alone for a night needs hardly any yeast, and tastes of more.'],
  ['Knives', 'A dull knife is the dangerous one: it slips where a sharp one would have cut.'],
  ['Salt', 'Salt early and the inside is seasoned; salt late and only the tongue notices.'],
  ['Stock', 'Bones give their gelatine slowly. Keep the pot below the boil, and do not stir.'],
  ['Bread', 'Steam keeps the crust soft for the first minutes, so that the loaf can still rise.'],
] as const;

/** What a search finds: by the trained retriever in this order, by the untrained one the other way round. */
export function found(query: string, step: number): SearchResult {
  const titles = [...new Set(TEXTS.map(([title]) => title))];
  const last = TEXTS.length - 1;
  const hit = (chunk: number, score: number) => {
    const [documentTitle, text] = TEXTS[chunk] ?? TEXTS[0];
    const byWords = chunk < 2 ? 2 - chunk : undefined;
    const ranks = { after: chunk + 1, before: last - chunk + 1, bm25: byWords, tfidf: byWords };
    return { chunk, text, document: titles.indexOf(documentTitle), documentTitle, score, ranks };
  };
  const after = TEXTS.map((_, chunk) => hit(chunk, 0.82 - 0.11 * chunk));
  const before = TEXTS.map((_, i) => hit(last - i, 0.61 - 0.01 * i));
  const bm25 = [hit(1, 6.1), hit(0, 2.4)];
  const tfidf = [hit(1, 0.4), hit(0, 0.2)];
  const documents = titles.map((title, document) => {
    const place = (hits: readonly { readonly document: number }[]): number | undefined => {
      const at = hits.findIndex((one) => one.document === document);
      return at < 0 ? undefined : at + 1;
    };
    return {
      document,
      title,
      first: { after: place(after), before: place(before), bm25: place(bm25), tfidf: place(tfidf) },
    };
  });
  return { query, step, chunks: 96, hits: { after, before, bm25, tfidf }, documents, asked: undefined };
}
