import type { LabelledCollection, LabelledDocument } from '../../../evaluation/collections/collection.ts';
import { quoted } from '../../../base/quote.ts';
import { CollectionError } from '../../../evaluation/errors.ts';
import { ranked } from '../../../evaluation/measures/order.ts';
import type { FoundDocument, Rankings } from '../../../evaluation/types.ts';
import { matches } from '../../../retrieval/matches.ts';
import { terms } from '../../../retrieval/terms.ts';
import type { ListedDocument, RankedListsView, RelevantDocument } from '../../door/evaluationViews.ts';

/** Characters of a document that are shown. */
const SHOWN_TEXT = 320;
const SHOWN_TITLE = 160;
/** Relevant documents of a query that are shown; a collection may have hundreds. */
const MOST_RELEVANT = 20;

/** The lists of several systems for one query, with what matches it marked. @throws CollectionError for a query that there is not. */
export function rankedLists(
  { documents, queries, qrels }: LabelledCollection,
  systems: readonly { readonly id: string; readonly rankings: Rankings }[],
  id: string,
  limit: number,
): RankedListsView {
  const query = queries.find((one) => one.id === id);
  if (!query) throw new CollectionError(`There is no query ${quoted(id)} in the collection that is open.`);
  const byId = new Map(documents.map((document) => [document.id, document]));
  const wanted = new Set(terms(query.text));
  const labels = qrels.get(id);
  const parts = (document: LabelledDocument | undefined): Pick<ListedDocument, 'title' | 'text'> => ({
    title: matches(document?.title ?? '', wanted, SHOWN_TITLE),
    text: document
      ? matches(document.text, wanted, SHOWN_TEXT)
      : [{ text: 'There is no such document in the collection.', isMatch: false }],
  });
  const lists = systems.map(({ id: system, rankings }) => {
    const found = rankings.get(id) ?? [];
    const scores = new Map(found.map((one: FoundDocument) => [one.id, one.score]));
    return { system, order: ranked(found), scores };
  });
  const places = lists.map(({ order }) => new Map(order.map((document, i) => [document, i + 1])));
  const relevant = [...(labels ?? [])].filter(([, label]) => label >= 1).slice(0, MOST_RELEVANT);
  return {
    query: id,
    text: query.text,
    lists: lists.map(({ system, order, scores }) => ({
      system,
      found: order.length,
      documents: order.slice(0, limit).map((document) => ({
        id: document,
        ...parts(byId.get(document)),
        score: scores.get(document) ?? NaN,
        label: labels?.get(document),
      })),
    })),
    relevant: relevant.map(([document, label]): RelevantDocument => ({
      id: document,
      label,
      ...parts(byId.get(document)),
      ranks: places.map((place) => place.get(document)),
    })),
  };
}
