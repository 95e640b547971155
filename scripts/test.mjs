/**
 * All tests: those in Node (vitest), then the built page in a browser (Playwright). With arguments only the tests that they
 * name: `npm test -- tests/ops`, `npm test -- tests/browser/page.spec.ts`. Options go to whichever of the two runs.
 *
 * Fails when a test fails, when one is skipped, and when none ran.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(ROOT);

const args = process.argv.slice(2);
const isBrowserTest = (arg) => arg.includes('tests/browser') || arg.endsWith('.spec.ts');
const browserFiles = args.filter(isBrowserTest);
const nodeArgs = args.filter((arg) => !isBrowserTest(arg));
/** Whether an option chooses tests by their names: then the other tests of a file are left out, as was asked for. */
const choosesByName = (arg = '') => /^(-t|-g|--testNamePattern|--grep)\b/.test(arg);
const isItsName = (before = '') => choosesByName(before) && !before.includes('=');
const onlyOptions = nodeArgs.every((arg, i) => arg.startsWith('-') || isItsName(nodeArgs[i - 1]));
const runsNode = browserFiles.length === 0 || !onlyOptions;
const runsBrowser = args.length === 0 || browserFiles.length > 0;
const filtered = args.some((arg) => choosesByName(arg));

const reports = await mkdtemp(join(tmpdir(), 'revela-tests-'));
const total = { passed: 0, failed: 0, skipped: 0 };
try {
  if (runsNode) add(await runNodeTests());
  if (runsBrowser) add(await runBrowserTests());
} finally {
  await rm(reports, { recursive: true, force: true });
}

if (total.skipped > 0 && !filtered) console.error(`${total.skipped} skipped: no test of this project may be skipped.`);
if (total.passed + total.failed === 0) console.error('No test ran.');
console.log(`${total.passed} passed, ${total.failed} failed`);
const ok = total.failed === 0 && total.passed > 0 && (total.skipped === 0 || filtered);
process.exit(ok ? 0 : 1);

function add(counts) {
  for (const key of Object.keys(total)) total[key] += counts[key];
}

async function runNodeTests() {
  const report = join(reports, 'node.json');
  const vitest = resolve('node_modules/vitest/vitest.mjs');
  const options = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await start([vitest, 'run', ...options, ...nodeArgs]);
  return finish(code, report, (result) => ({
    passed: result.numPassedTests,
    // A file that fails to load holds no failed test.
    failed:
      result.numFailedTests +
      result.testResults.filter(
        (file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
      ).length,
    skipped: result.numPendingTests + result.numTodoTests,
  }));
}

/** Playwright builds and serves the page by itself (playwright.config.ts). */
async function runBrowserTests() {
  const report = join(reports, 'browser.json');
  const playwright = resolve('node_modules/@playwright/test/cli.js');
  const options = runsNode ? [] : nodeArgs;
  const code = await start([playwright, 'test', '--reporter=list,json', ...options, ...browserFiles], {
    PLAYWRIGHT_JSON_OUTPUT_NAME: report,
  });
  return finish(code, report, ({ stats, errors }) => ({
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + (stats.unexpected === 0 ? errors.length : 0),
    skipped: stats.skipped,
  }));
}

/** Runs a tool of node_modules to its end and gives its exit code. */
function start(command, env = {}) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, command, { stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', fail);
    child.on('exit', (code) => done(code ?? 1));
  });
}

/** Counts a report. A tool that failed for a reason outside any test (or wrote no report) counts as one failure. */
async function finish(code, report, count) {
  let counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    counts = count(JSON.parse(await readFile(report, 'utf8')));
  } catch (error) {
    console.error(`The test report cannot be read: ${error.message}`);
    return { ...counts, failed: 1 };
  }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}
