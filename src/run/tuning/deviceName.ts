import { textChecksum } from '../../files/formats/checksum.ts';
import type { GpuInfo } from '../../gpu/device.ts';
import { kernelsIn, shaderSource, withFeature } from '../../gpu/shaderLibrary.ts';
import type { TileSet } from '../../ops/core/gemmTiles.ts';

/** Digits that tell versions of the kernels apart. */
const DIGITS = 16;

/** Names the kernels that are measured, and the tiles that they come in: with any change of these what was measured holds no more. */
export async function kernelsName({ tiles, workgroups }: TileSet): Promise<string> {
  const isTiled = (name: string): boolean => /^gemm\/tiled/.test(name);
  const forms = kernelsIn('gemm').flatMap((name) => [name, ...(isTiled(name) ? [withFeature(name, 'f16')] : [])]);
  const sources = forms.map((name) => [name, shaderSource(name).code]);
  return (await textChecksum(JSON.stringify([sources, tiles, workgroups]))).slice(0, DIGITS);
}

/** Names the device as it describes itself. */
export function adapterName({ vendor, architecture, description }: GpuInfo): string {
  return [vendor, architecture, description].join(' / ');
}

/** Names all that decides how fast a tile is. `host`: what the device is reached through: a browser and its version, say. */
export async function deviceName(info: GpuInfo, host: string, set: TileSet): Promise<string> {
  return [adapterName(info), host, await kernelsName(set)].join(' | ');
}
