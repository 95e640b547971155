import { previewText, type DocumentPreview, type TextPreview } from '../../run/textPreview.ts';
import { readGivenFiles } from '../support/givenFiles.ts';
import { openBases } from '../support/modelFolder.ts';
import { reportNotices, table } from '../support/reports.ts';
import {
  CONFIGURATION_HELP,
  CONFIGURATION_OPTIONS,
  nothingMore,
  parse,
  readConfiguration,
  required,
  whole,
  type Command,
} from '../support/usage.ts';

/** Documents that are printed where nobody says how many. */
const SHOWN = 20;

export const chunksCommand: Command = {
  name: 'chunks',
  usage: '--file PATH [--model DIR] [settings]',
  summary: 'shows how a text of your own is divided into documents and cut into chunks, before anything runs on it',
  help: `${CONFIGURATION_HELP}
  --top N                  documents that are printed (default ${SHOWN}), from --from N on (default 1)
  --json                   all of it as one JSON object
and every setting of train. Without --model, tokens are those of the vocabulary that is made for the text.`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      ...CONFIGURATION_OPTIONS,
      top: { type: 'string' },
      from: { type: 'string' },
      json: { type: 'boolean' },
    });
    nothingMore(positionals);
    required('file', values.file?.[0], 'the text to look at');
    const top = whole('top', values.top, SHOWN);
    const from = whole('from', values.from, 1) - 1;
    const { configuration } = readConfiguration(values);
    const { text } = await readGivenFiles(values.file ?? [], signal);
    const bases = values.model === undefined ? undefined : await openBases(values.model, values['retriever-model']);
    const tokenizers = bases && [...new Set([bases.languageModel.tokenizer, bases.retriever.tokenizer])];
    const preview = await previewText(text, configuration, { tokenizers, from, signal });
    if (values.json) {
      process.stdout.write(`${JSON.stringify(preview)}\n`);
      return;
    }
    reportNotices(preview.notices);
    process.stdout.write(previewInWords(preview, top));
  },
};

const COUNTED_IN: Readonly<Record<TextPreview['countedIn'], string>> = {
  checkpoint: 'in the checkpoint’s tokens',
  text: 'in the tokens of a vocabulary made for this text',
  estimate: 'tokens estimated',
};

function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

function previewInWords(preview: TextPreview, top: number): string {
  const { unit, isGuessed, units, documentCount, chunkCount, partneredChunks, chunkTokens, columns } = preview;
  const lines = [
    `${counted(documentCount, 'document')}, ${counted(chunkCount, 'chunk')}; ${partneredChunks} have a partner`,
    `a document is a ${unit}${isGuessed ? ' (guessed)' : ''}; possible: ${units.map(({ unit: one, documents }) => `${one} ${documents}`).join(', ')}`,
    `chunks of at most ${chunkTokens} tokens${preview.isLengthChosen ? ' (chosen to fit the documents)' : ''}, ${COUNTED_IN[preview.countedIn]}`,
    ...(columns ? [`column ${columns.chosen} of ${columns.columns.join(', ')}`] : []),
  ];
  const shown = preview.documents.slice(0, top);
  const rest = documentCount - preview.from - shown.length;
  const more = rest > 0 ? `and ${counted(rest, 'more document')}\n` : '';
  return `${lines.join('\n')}\n\n${table(shown.map(rowOf))}${more}`;
}

/** "The keeper found…   3   2   58 41": its number of chunks, and the tokens of those that are shown. */
function rowOf({ document, title, chunks, chunkCount, copyOf, hasPartner }: DocumentPreview): string[] {
  const tokens = chunks.map(({ tokens: count }) => count).join(' ');
  const word = copyOf !== undefined ? `copy of ${copyOf + 1}` : hasPartner ? '' : 'no partner';
  return [
    `${document + 1}  ${title.slice(0, 60)}`,
    counted(chunkCount, 'chunk'),
    `${tokens.slice(0, 40)} tokens`,
    word,
  ];
}
