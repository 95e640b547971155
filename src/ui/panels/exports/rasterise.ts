/** Pixels per unit of the drawing: enough for print at the size it is shown in. */
const SCALE = 3;

/**
 * An SVG picture as PNG.
 * @throws Error when this browser cannot draw it.
 */
export async function rasterise(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth * SCALE;
    canvas.height = image.naturalHeight * SCALE;
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, fail) =>
      canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('This browser could not draw the picture.')))),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}
