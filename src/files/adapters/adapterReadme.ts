import type { Pooling } from '../../ops/pooling.ts';
import type { BaseModel } from './adapterFiles.ts';

/** What must be known besides the weights to use, or to understand, a trained pair of models. */
export interface RunDescription {
  readonly pooling: Pooling;
  /** How many of the first layers the retriever runs, without a final norm; undefined: all, and the norm. */
  readonly retrieverLayers?: number | undefined;
  /** Whether the mean of each side is subtracted (centre.safetensors beside the weights). */
  readonly centred: boolean;
  /** What texts begin with. */
  readonly prefixes: { readonly query: string; readonly passage: string };
  /** Longest text of the retriever in tokens, its end-of-sequence token included. */
  readonly maxLength: number;
  /** The retriever's tokenizer ends every text by itself: no other end token follows. */
  readonly endsItself: boolean;
  /** Ids that end each of its rows. */
  readonly ending: readonly number[];
  /** τ of the batch attention. */
  readonly temperature: number;
  readonly vNorm: boolean;
  /** γ, where it was fixed. */
  readonly contextGate: number;
  /** Layers that read neighbours; undefined: all. */
  readonly contextLayers: readonly number[] | undefined;
  /** Updates made. */
  readonly steps: number;
}

/** What of a model the archive holds. */
export interface DescribedModel {
  readonly form: 'adapter' | 'full';
  readonly base: BaseModel;
}

export interface ReadmeContents {
  readonly retriever?: DescribedModel | undefined;
  readonly languageModel?: DescribedModel | undefined;
  /** The base came into being here and is in the archive as base/. */
  readonly ownBase: boolean;
  readonly learntGates: boolean;
  readonly run: RunDescription;
}

const POOLED: Readonly<Record<Pooling, string>> = {
  eos: 'hidden[-1]',
  mean: 'hidden.mean(dim=0)',
  first: 'hidden[0]',
  content: 'hidden[content(ids, prefix)].mean(dim=0)',
};
/** The tokens of the text itself, as `retrieverRow` finds them. */
const contentOf = ({ ending }: RunDescription): string => `
def content(ids, prefix):
    before = tokenizer(prefix)["input_ids"]
    start = next((i for i, (one, other) in enumerate(zip(before, ids)) if one != other), len(before))
    end = len(ids) - ${ending.length}
    return slice(start, end) if start < end else slice(len(ids) - 1, len(ids))  # no text at all: the end token
`;
/** The means of queries and of passages. */
const CENTRE = `
from safetensors.torch import load_file

centre = load_file("retriever/centre.safetensors")
`;
const POOLING_WORDS: Readonly<Record<Pooling, string>> = {
  eos: 'the last token, which is the end-of-sequence token',
  mean: 'the mean over all tokens',
  first: 'the first token',
  content: 'the mean over the tokens of the text itself, without begin token, prefix and end-of-sequence token',
};

/** README.md of an archive: what is in it, how it is loaded in Python, and how it was trained. */
export function archiveReadme(contents: ReadmeContents): string {
  const { retriever, languageModel } = contents;
  return [
    '# A retriever and a language model, trained together by Revela',
    `Made by ${contents.run.steps} updates. configuration.json holds every setting of the run.`,
    ...(retriever ? [retrieverPart(retriever, contents)] : []),
    ...(languageModel ? [languageModelPart(languageModel, contents)] : []),
    trainingPart(contents),
  ].join('\n\n');
}

const tokenized = (length: number): string =>
  `tokenizer(prefix + text, truncation=True, max_length=${length})["input_ids"]`;

/** A text as a Python literal: JSON's is one. */
const python = (text: string): string => JSON.stringify(text);

function loading(model: DescribedModel, folder: string, autoClass: string, ownBase: boolean, layers?: number): string {
  const cut =
    layers === undefined
      ? ''
      : `\nmodel.layers = model.layers[:${layers}]  # the layers that were run,\nmodel.norm = torch.nn.Identity()  # and no final norm over them`;
  if (model.form === 'full')
    return `import torch
from transformers import ${autoClass}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("${folder}")
model = ${autoClass}.from_pretrained("${folder}").float().eval()${cut}`;
  const { name, revision } = model.base;
  const base = ownBase ? 'base' : name;
  const at = revision && !ownBase ? `, revision=${python(revision)}` : '';
  return `import torch
from peft import PeftModel
from transformers import ${autoClass}, AutoTokenizer

base = ${python(base)}
tokenizer = AutoTokenizer.from_pretrained(base${at})
model = ${autoClass}.from_pretrained(base${at}).float()${cut}
model = PeftModel.from_pretrained(model, "${folder}").eval()`;
}

function baseSentence(model: DescribedModel, ownBase: boolean): string {
  if (model.form === 'full') return 'All its weights were trained.';
  const { name, revision } = model.base;
  return ownBase
    ? 'A LoRA adapter in the format of PEFT, over the small model in `base/`, which was made in the same run.'
    : `A LoRA adapter in the format of PEFT, over ${name}${revision ? ` (revision ${revision})` : ''}. The base itself is not in this archive.${packedSentences(model.base)}`;
}

/** What to know of an adapter that was trained over a packed base. */
function packedSentences({ name, packed }: BaseModel): string {
  if (!packed) return '';
  const unknown = packed.isKnown
    ? ''
    : ` The file does not say where that model is: put its id on the hub in the place of ${python(name)}, below and as base_model_name_or_path in adapter_config.json.`;
  return `

It was trained over ${packed.file}, a packed form of that model (GGUF: ${packed.types}), and is for the model as it was before packing.${unknown}
There its results differ a little from those in training, by what packing took from the weights: the fewer bits, the more.
To compute with the same numbers, load the base with \`from_pretrained(FOLDER, gguf_file=${python(packed.file)})\`.`;
}

function retrieverPart(model: DescribedModel, { ownBase, run }: ReadmeContents): string {
  const { query, passage } = run.prefixes;
  const begin = (text: string): string => (text === '' ? 'with nothing' : `with \`${python(text).slice(1, -1)}\``);
  const prefixed =
    query + passage === '' ? 'Texts have no prefix.' : `Queries begin ${begin(query)}, passages ${begin(passage)}.`;
  return `## The retriever: \`retriever/\`

${baseSentence(model, ownBase)} It is the body of the model, without the head that predicts tokens.

An embedding is made so: the text gets its prefix, ${run.endsItself ? `is cut to ${run.maxLength} tokens, the end token counted that the tokenizer puts there` : `is cut to ${run.maxLength - 1} tokens and gets an end-of-sequence token`};
of the ${run.retrieverLayers === undefined ? 'last hidden states' : `hidden states after layer ${run.retrieverLayers} (no final norm)`} one takes ${POOLING_WORDS[run.pooling]}${run.centred ? ', less the mean of its side (`retriever/centre.safetensors`)' : ''}, scaled to length 1. ${prefixed}
Scores are dot products of embeddings.

With sentence-transformers (\`revela_retriever.py\` in the folder does what its own settings cannot say):

\`\`\`python
from sentence_transformers import SentenceTransformer

retriever = SentenceTransformer("retriever", trust_remote_code=True)
queries = retriever.encode_query(["Where do gulls nest?"])
passages = retriever.encode_document(["Gulls nest on cliffs.", "Bread needs yeast."])
print(queries @ passages.T)
\`\`\`

The same in plain transformers:

\`\`\`python
${loading(model, 'retriever', 'AutoModel', ownBase, run.retrieverLayers)}
${run.pooling === 'content' ? contentOf(run) : ''}${run.centred ? CENTRE : ''}
def embed(texts, prefix):
    rows = []
    for text in texts:
        ids = ${run.endsItself ? tokenized(run.maxLength) : `${tokenized(run.maxLength - 1)} + [tokenizer.eos_token_id]`}
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        rows.append(${POOLED[run.pooling]})
    return torch.nn.functional.normalize(torch.stack(rows)${run.centred ? ` - centre["query" if prefix == ${python(query)} else "passage"]` : ''}, dim=-1)

queries = embed(["Where do gulls nest?"], ${python(query)})
passages = embed(["Gulls nest on cliffs.", "Bread needs yeast."], ${python(passage)})
print(queries @ passages.T)
\`\`\``;
}

function languageModelPart(model: DescribedModel, { ownBase }: ReadmeContents): string {
  return `## The language model: \`language-model/\`

${baseSentence(model, ownBase)}

\`\`\`python
${loading(model, 'language-model', 'AutoModelForCausalLM', ownBase)}

ids = tokenizer("Gulls nest on cliffs.", return_tensors="pt")["input_ids"]
with torch.no_grad():
    print(model(input_ids=ids, labels=ids).loss)  # nats per token, reading this text alone
\`\`\``;
}

function trainingPart({ run, learntGates, retriever, languageModel }: ReadmeContents): string {
  const layers = run.contextLayers ? `in layers ${run.contextLayers.join(', ')} (counted from 0)` : 'in all layers';
  const gate = learntGates
    ? 'factors γ learnt per layer (`gates.json`, "contextGates", one number per layer; 0 where a layer reads nothing)'
    : `the factor γ = ${run.contextGate}`;
  const missing = [retriever ? '' : 'retriever', languageModel ? '' : 'language model'].filter((name) => name !== '');
  return `## How they were trained

While it predicts the tokens of a chunk, the language model also reads the other chunks of the batch ${layers}, with
${gate}, V-normalisation ${run.vNorm ? 'on' : 'off'}. How much it reads of each is softmax(score / τ) over the other
chunks, τ = ${run.temperature}. Its loss alone trains both models. This reading is not part of the files here: loaded as above, the
language model reads one text at a time.${missing.length > 0 ? `\n\nThe ${missing.join(' and the ')} was not trained, so there are no files of it.` : ''}
`;
}
