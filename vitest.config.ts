import { defineConfig, mergeConfig } from 'vitest/config';
import { LongestFirst } from './tests/harness/longestFirst.ts';
import page from './vite.config.ts';

/**
 * Each in a process of its own: devices that are lost or whose methods are replaced, modules that are replaced, and a text of many
 * megabytes, for which a process that has run hundreds of files has no room left.
 */
const ALONE = [
  'tests/gpu/{device,pipelines,pool,recorder}.test.ts',
  'tests/cli/{checkpoint,tune}.test.ts',
  'tests/ui/lessons/act.test.ts',
  'tests/run/recordText.test.ts',
  'tests/run/tuning/lostDevice.test.ts',
];

export default mergeConfig(
  page,
  defineConfig({
    test: {
      environment: 'node',
      globalSetup: ['tests/harness/globalSetup.ts'],
      // Each Dawn instance brings its own threads and shader compiler: two at a time are enough.
      pool: 'forks',
      maxWorkers: 2,
      sequence: { sequencer: LongestFirst },
      // A software GPU compiles and runs kernels slowly, and nothing here measures time.
      testTimeout: 120_000,
      hookTimeout: 120_000,
      projects: [
        {
          extends: true,
          test: {
            name: 'shared',
            include: ['tests/**/*.test.ts'],
            exclude: ALONE,
            // One process takes file after file, and keeps what it has loaded and compiled.
            isolate: false,
            setupFiles: ['tests/harness/sharedDevices.ts'],
            restoreMocks: true,
            unstubGlobals: true,
          },
        },
        { extends: true, test: { name: 'alone', include: ALONE } },
      ],
    },
  }),
);
