/** Whether this browser offers WebGPU at all; whether it finds a GPU is known only once the lab has asked. */
export const hasWebGpu = 'gpu' in navigator && (navigator.gpu as GPU | undefined) !== undefined;

/** Why there is no WebGPU, and how to get it. */
export function howToGetWebGpu(): { readonly why: string; readonly how: string } {
  if (!isSecureContext) {
    return {
      why: 'Browsers offer WebGPU to secure pages only, and this one came over plain http.',
      how: 'Open it through https, or from localhost.',
    };
  }
  return {
    why: 'This browser has no WebGPU, which training needs.',
    how: 'Use Chrome or Edge 125 or later, Safari 26, or Firefox 145 or later; keep graphics acceleration on. On Linux, Chrome may need chrome://flags/#enable-unsafe-webgpu.',
  };
}

let finding: Promise<boolean> | undefined;

/** Whether it finds a GPU, asked once: without one nothing can be trained here, whatever the browser offers. */
export function findsGpu(): Promise<boolean> {
  finding ??= hasWebGpu
    ? navigator.gpu.requestAdapter().then(
        (adapter) => adapter !== null,
        () => false,
      )
    : Promise.resolve(false);
  return finding;
}
