// Trains a small retriever on a text in Node and searches with it: node examples/node.mjs (npm install revela-playground webgpu).
import { writeFile } from 'node:fs/promises';
import { create, globals } from 'webgpu';
import { configure, createLab } from 'revela-playground/engine';

Object.assign(globalThis, globals);
const text = Array.from(
  { length: 12 },
  (_, i) =>
    `The tower of ${i}\n\nPeople built the tower of ${i} from ${i} stones. Whoever climbs ${i} steps sees the sea.`,
);
const lab = createLab({
  gpu: create([]),
  onEvent: ({ type, record }) =>
    type === 'step' && console.log(`step ${record.metrics.step}: loss ${record.metrics.loss.toFixed(3)}`),
});
await lab.ask({
  type: 'configure',
  configuration: configure({
    source: 'text',
    chunks: 4,
    chunkTokens: 24,
    vocabulary: 300,
    layers: 1,
    width: 32,
    mlpWidth: 32,
  }),
  text: { files: [{ name: 'towers.txt', text: text.join('\n\n---\n\n') }] },
});
await lab.ask({ type: 'train', steps: 5 });
const { hits } = await lab.ask({ type: 'search', query: 'Who sees the sea?', limit: 3 });
for (const { text, score } of hits.after) console.log(`${score.toFixed(3)}  ${text}`);
const { name, bytes } = await lab.ask({ type: 'exportAdapters' });
await writeFile(name, bytes);
console.log(`wrote ${name}`);
await lab.close();
process.exit();
