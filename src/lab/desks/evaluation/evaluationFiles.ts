import { measure, USUAL_MEASURES } from '../../../evaluation/measures/measures.ts';
import { evaluationJson, perQueryText, type EvaluatedSystem } from '../../../evaluation/report.ts';
import { qrelsText } from '../../../evaluation/trec/qrelsFile.ts';
import { runText } from '../../../evaluation/trec/runFile.ts';
import type { CommandOf } from '../../door/protocol.ts';
import type { LabFile } from '../../door/views.ts';
import { measureOf, SEED, type OpenCollection } from './openCollection.ts';

/** What can be had as a file. @throws CollectionError for ids with spaces in them, which TREC's files cannot hold. */
export function evaluationFile(
  open: OpenCollection,
  { file, reference, measure: name }: CommandOf<'exportEvaluation'>,
): LabFile {
  const { collection } = open;
  const title = collection.title.replace(/\.zip$/i, '').replace(/[^\p{L}\p{N}.-]+/gu, '-');
  const primary = measure(measureOf(name));
  const first = open.reference(reference);
  const others = [...open.systems.values()].filter((system) => system !== first);
  const evaluated = (systems: readonly EvaluatedSystem[]) => ({
    collection,
    systems,
    measures: [primary, ...USUAL_MEASURES.filter((one) => one !== primary.name).map(measure)],
    seed: SEED,
  });
  switch (file.what) {
    case 'run':
      return textFile(`${title}.${file.system}.trec`, runText(open.system(file.system).rankings, file.system));
    case 'qrels':
      return textFile(`${title}.qrels`, qrelsText(collection.qrels));
    case 'queries': {
      const last = open.system(file.system);
      const between = others.filter((system) => system !== last);
      const systems = first && first !== last ? [first, ...between, last] : [last];
      return textFile(`${title}.queries.tsv`, perQueryText(evaluated(systems)));
    }
    case 'systems':
      return textFile(
        `${title}.systems.jsonl`,
        evaluationJson(evaluated(first ? [first, ...others] : [])).map((one) => `${JSON.stringify(one)}\n`),
      );
  }
}

function textFile(name: string, pieces: Iterable<string>): LabFile {
  return { name, bytes: new TextEncoder().encode([...pieces].join('')) };
}
