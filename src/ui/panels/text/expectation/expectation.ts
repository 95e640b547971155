import { changedSettings, SETTINGS, type Configuration, type SettingKey } from '../../../../settings/configuration.ts';
import { preset, PRESETS } from '../../../../settings/presets.ts';
import { count } from '../../../components/format.ts';
import { batchFor } from './batchFor.ts';
import type { Circumstances, Expectation, Remedy, TextFacts } from './circumstances.ts';
import { GENTLE_ON_PROSE, PAPER_ON_PROSE, SMALL_ON_PROSE } from './measured.ts';

/** Settings that do not change what a preset was measured to do. */
const LEFT_OPEN: ReadonlySet<SettingKey> = new Set([
  'source',
  'checkpoint',
  'retrieverCheckpoint',
  'memoryBudget',
  'chunks',
  'chunkTokens',
  'chunkFit',
  'documentUnit',
  'column',
  'evaluateEvery',
  'heldOutBatches',
  'probeEvery',
  'collectionEvery',
  'autosaveEvery',
  'seed',
  'precision',
  'checkpointing',
]);

type Judge = (at: Circumstances) => Expectation | undefined;

/** The first that has something to say speaks: what makes training impossible, then what makes it pointless, then what it brings. */
const JUDGES: readonly Judge[] = [
  noGpu,
  nothingToTellApart,
  tooLittle,
  noPartners,
  nothingLearns,
  notHere,
  onFacts,
  smallOnProse,
  onCheckpoint,
];

/** What to expect of what is chosen. Every claim is one of measured.ts, or follows from how training works. */
export function expectationOf(at: Circumstances): Expectation {
  for (const judge of JUDGES) {
    const expectation = judge(at);
    if (expectation) return expectation;
  }
  return { outlook: 'open', sentence: counted(at.text), why: '', remedy: undefined };
}

/** "10 documents, 22 chunks; 18 have a partner." */
export function counted(text: TextFacts | undefined): string {
  if (!text) return '';
  const { documents, chunks, withPartner } = text;
  const partners =
    withPartner === undefined
      ? ''
      : withPartner === chunks
        ? '; each has a partner'
        : `; ${withPartner === 0 ? 'none' : withPartner} ${withPartner <= 1 ? 'has' : 'have'} a partner`;
  return `${count(documents, 'document')}, ${count(chunks, 'chunk')}${partners}.`;
}

function noGpu({ hasWebGpu, text }: Circumstances): Expectation | undefined {
  if (hasWebGpu) return undefined;
  return {
    outlook: 'impossible',
    sentence: said(text, 'Without WebGPU nothing can be trained here; the note above says how to get it.'),
    why: '',
    remedy: undefined,
  };
}

function tooLittle({ configuration, text }: Circumstances): Expectation | undefined {
  const { chunks } = configuration;
  if (!text || text.chunks >= chunks) return undefined;
  const fitting = batchFor(text, chunks);
  return {
    outlook: 'impossible',
    sentence: said(text, `A batch takes ${chunks} chunks, so there is too little text for one.`),
    why:
      fitting === undefined
        ? 'A chunk learns from its neighbours: add text.'
        : 'Add text, or take smaller batches; the fewer chunks meet, the less there is to tell apart.',
    remedy:
      fitting === undefined
        ? undefined
        : { kind: 'set', label: `Batches of ${fitting}`, changes: { chunks: fitting, groupSize: 2 } },
  };
}

function nothingToTellApart({ text }: Circumstances): Expectation | undefined {
  if (!text || text.documents - text.copies > 1) return undefined;
  return {
    outlook: 'nothing',
    sentence: said(
      text,
      text.copies > 0
        ? 'All documents say the same, so there is nothing to tell apart.'
        : 'With one document every chunk is the partner of every other, so there is nothing to tell apart.',
    ),
    why: 'What is learnt is which chunks belong to one document. Divide the text, or add another.',
    remedy: undefined,
  };
}

function noPartners({ text }: Circumstances): Expectation | undefined {
  if (!text || text.withPartner === undefined || text.withPartner > 0) return undefined;
  return {
    outlook: 'nothing',
    sentence: said(text, 'No chunk has a right answer, so nothing can be told of what is learnt.'),
    why: 'A document needs two chunks: take shorter chunks, or larger pieces as documents.',
    remedy: undefined,
  };
}

/** Controls, and retrievers that are kept from learning. */
function nothingLearns({ configuration, text }: Circumstances): Expectation | undefined {
  const { objective, attention, freezeRetriever } = configuration;
  if (objective !== 'revela') return undefined;
  if (attention !== 'learned') {
    return {
      outlook: 'nothing',
      sentence: said(text, 'This is a control: the retriever gets no gradient and learns nothing.'),
      why: `“${SETTINGS.attention.label}” is not the retriever’s choice here.`,
      remedy: { kind: 'set', label: 'Let the retriever choose', changes: { attention: 'learned' } },
    };
  }
  if (!freezeRetriever) return undefined;
  return {
    outlook: 'nothing',
    sentence: said(text, 'The retriever is frozen: it finds after training what it found before.'),
    why: '',
    remedy: { kind: 'set', label: 'Let the retriever learn', changes: { freezeRetriever: false } },
  };
}

/** What presets on the facts bring stands beside them. */
function onFacts({ configuration }: Circumstances): Expectation | undefined {
  if (configuration.source !== 'facts') return undefined;
  const known = PRESETS.find((one) => changedSettings(configuration, one.configuration).length === 0);
  if (known) {
    const outlook = known.id === 'facts' ? 'learns' : 'nothing';
    return { outlook, sentence: known.expectation, why: '', remedy: undefined };
  }
  return {
    outlook: 'open',
    sentence:
      'Partners tell the same fact in other words, so they can be found. How far these settings get was not measured.',
    why: '',
    remedy: undefined,
  };
}

function smallOnProse(at: Circumstances): Expectation | undefined {
  const { configuration, text, here, lightest } = at;
  if (configuration.base !== 'scratch') return undefined;
  if (configuration.objective !== 'revela') {
    return {
      outlook: 'open',
      sentence: said(text, 'How far a small retriever gets on prose with this objective was not measured.'),
      why: 'A pretrained checkpoint begins higher.',
      remedy: checkpointFor(at),
    };
  }
  const rescue =
    here === undefined ? `load a checkpoint, ${megabytes(lightest.bytes)}` : 'take the checkpoint that is here';
  return {
    outlook: 'nothing',
    sentence: said(text, `Small models learn nothing from prose: ${rescue}.`),
    why: SMALL_ON_PROSE,
    remedy: checkpointFor(at),
  };
}

function notHere(at: Circumstances): Expectation | undefined {
  const { configuration, text, hasBases, here, lightest } = at;
  if (configuration.base !== 'checkpoint' || hasBases !== false) return undefined;
  const other = here === undefined ? `The lightest that is offered takes ${megabytes(lightest.bytes)}.` : `${here} is.`;
  return {
    outlook: 'impossible',
    sentence: said(text, `${configuration.checkpoint} is not here yet.`, other),
    why: 'Below, under Model, stands what the one that is chosen costs.',
    remedy: checkpointFor(at),
  };
}

function onCheckpoint({ configuration, text, hasBases, isOn }: Circumstances): Expectation | undefined {
  if (configuration.base !== 'checkpoint' || hasBases === undefined) return undefined;
  const remedy: Remedy | undefined = isOn ? undefined : { kind: 'train', label: 'Train on it' };
  const judged = heldOutWords(text);
  const told = (outlook: Expectation['outlook'], words: string, why: string): Expectation => ({
    outlook,
    sentence: said(text, words, judged, isOn ? '' : 'Press Train.'),
    why,
    remedy,
  });
  if (isPreset('gentle', configuration)) {
    const words = 'This learns: on three texts it was ahead of TF-IDF and of its untrained self after 20 steps.';
    return told('learns', words, GENTLE_ON_PROSE);
  }
  if (isPreset('paper', configuration)) {
    return told('nothing', 'As in the paper an untouched checkpoint is thrown off at first.', PAPER_ON_PROSE);
  }
  return told('open', 'How far these settings get was not measured.', GENTLE_ON_PROSE);
}

/** Whether there will be scores on what training never saw. */
function heldOutWords(text: TextFacts | undefined): string {
  if (text?.heldOut === undefined) return '';
  return text.heldOut === 0
    ? 'There are too few documents to keep some out of training, so scores will be on the training text.'
    : `${count(text.heldOut, 'document')} ${text.heldOut === 1 ? 'is' : 'are'} kept out of training, to judge by.`;
}

function checkpointFor({ here, lightest }: Circumstances): Remedy {
  if (here !== undefined) return { kind: 'use', label: `Take ${here}`, checkpoint: here };
  return { kind: 'download', label: `Load ${lightest.name}, ${megabytes(lightest.bytes)}`, checkpoint: lightest.id };
}

/** Whether a configuration is a preset, but for the text and how it is cut, and what it stands on. */
function isPreset(id: string, configuration: Configuration): boolean {
  return changedSettings(configuration, preset(id).configuration).every((key) => LEFT_OPEN.has(key));
}

function said(text: TextFacts | undefined, ...sentences: readonly string[]): string {
  return [counted(text), ...sentences].filter((part) => part !== '').join(' ');
}

/** As the size of a download is told: "91 MB". */
function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
