import { readdirSync } from 'node:fs';

/** Folders of shaders/ and the names of the files in each. */
export const SHADER_FOLDERS: ReadonlyMap<string, readonly string[]> = new Map(
  readdirSync('shaders').map((folder) => [folder, readdirSync(`shaders/${folder}`)]),
);

/** Names of all kernels, for the tests that go through every one. */
export const KERNELS: readonly string[] = [...SHADER_FOLDERS]
  .filter(([folder]) => folder !== 'lib')
  .flatMap(([folder, files]) => files.map((file) => `${folder}/${file.replace(/\.wgsl$/, '')}`))
  .sort();
