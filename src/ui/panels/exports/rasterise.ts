/**
 * An SVG picture as PNG, with `scale` pixels per unit of the drawing.
 * @throws Error when this browser cannot draw it.
 */
export async function rasterise(svg: string, scale: number): Promise<Blob> {
  const canvas = document.createElement('canvas');
  await paint(svg, canvas, scale);
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('This browser could not draw the picture.')))),
  );
}

/**
 * Draws an SVG picture on a canvas, which takes its size.
 * @throws Error when this browser cannot draw it.
 */
export async function paint(svg: string, canvas: HTMLCanvasElement, scale: number): Promise<void> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  } finally {
    URL.revokeObjectURL(url);
  }
}
