/** What a file chooser is told to offer: the kinds that the lab reads (corpus/sources/readers). */
export const ACCEPTED_FILES = [
  '.txt,.text,.md,.markdown,.rst,.org,.tex,.log,text/plain,text/markdown',
  '.csv,text/csv,.tsv,text/tab-separated-values',
  '.jsonl,.ndjson,.json,application/jsonl,application/x-ndjson,application/json',
  '.html,.htm,.xhtml,text/html,application/xhtml+xml',
  '.pdf,application/pdf',
].join();
