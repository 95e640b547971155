/** Time the browser is given to begin saving before the bytes are let go. */
const HOLD_MS = 60_000;

/** Hands the reader a file to keep, as a download of the browser's. */
export function downloadFile(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), HOLD_MS);
}
