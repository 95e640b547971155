/** Adds up the JavaScript that the built page loads at once, gzipped, and fails beyond the budget. */
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = 200;
const dist = new URL('../dist/', import.meta.url);

const manifest = await readFile(new URL('../.vite/manifest.json', import.meta.url), 'utf8').then(
  JSON.parse,
  () => undefined,
);
if (!manifest) {
  console.error('There is no built page: run npm run build first.');
  process.exit(1);
}

/** The entries with everything they import statically; what `import()` loads comes later. */
const initial = new Set();
function collect(key) {
  if (initial.has(key)) return;
  initial.add(key);
  manifest[key].imports?.forEach(collect);
}
Object.keys(manifest)
  .filter((key) => manifest[key].isEntry)
  .forEach(collect);

// Who reads only the first lines has closed the pipe: the check goes on.
process.stdout.on('error', ({ code }) => {
  if (code !== 'EPIPE') process.exitCode = 1;
});

const files = [...new Set([...initial].map((key) => manifest[key].file))].filter((file) => file.endsWith('.js'));
let sum = 0;
for (const file of files) {
  const bytes = gzipSync(await readFile(new URL(file, dist))).length;
  sum += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(8)} kB  ${file}`);
}
console.log(`${(sum / 1000).toFixed(1).padStart(8)} kB  initial JavaScript, gzipped; budget ${BUDGET_KB} kB`);
if (files.length === 0 || sum > BUDGET_KB * 1000) {
  console.error(files.length === 0 ? 'The built page has no entry.' : 'Over the budget: load something later.');
  process.exit(1);
}
