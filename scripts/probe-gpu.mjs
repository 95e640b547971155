/**
 * Run in a child process: opens a device through Dawn and prints who it is as one line of JSON (null: no adapter).
 * A broken driver may crash or hang; that then happens here and not in the program that asked.
 */
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
const adapter = await create([]).requestAdapter();
const device = await adapter?.requestDevice();
const answer = device && {
  vendor: adapter.info.vendor,
  architecture: adapter.info.architecture,
  description: adapter.info.description || adapter.info.device,
};
process.stdout.write(`${JSON.stringify(answer ?? null)}\n`, () => process.exit(0));
