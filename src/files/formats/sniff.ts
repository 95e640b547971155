/** So many first bytes tell what a file is. */
const FIRST_BYTES = 512;

const LFS_POINTER = /^version https:\/\/git-lfs\.github\.com\/spec\//;
const WEB_PAGE = /^\s*(<!--[\s\S]*?-->\s*)?<(!doctype\s+html|html|head|body)\b/i;
const XML_ANSWER = /^\s*<(\?xml|Error>)/i;

/** Beginnings of files that take the place of others, with what they are and what to do. */
const BINARY: readonly { readonly first: readonly number[]; readonly words: string }[] = [
  { first: [0x50, 0x4b, 3, 4], words: 'a zip archive (PyTorch’s .bin and .pt files are, too). Unpack it, or save the weights as safetensors.' },
  { first: [0x1f, 0x8b], words: 'packed with gzip. Unpack it first.' },
  { first: [0x28, 0xb5, 0x2f, 0xfd], words: 'packed with zstd. Unpack it first.' },
  { first: [0x47, 0x47, 0x55, 0x46], words: 'a GGUF file. Give it its own name, ending in .gguf.' },
  { first: [0x80, 2], words: 'a pickle of Python (an old PyTorch file). Save the weights as safetensors.' },
]; // prettier-ignore

/**
 * What a file is instead of what its name promises, with what to do, as the end of a sentence that names the file ("is a
 * Git LFS pointer …"); undefined where its first bytes are of no kind that is known. @param first as many as there are, up to 512
 */
export function mistakenFor(first: Uint8Array, fileBytes = first.length): string | undefined {
  if (fileBytes === 0) return 'is empty (0 bytes): the download or copy was cut off. Get it again.';
  const text = new TextDecoder('latin1').decode(first.subarray(0, FIRST_BYTES));
  if (LFS_POINTER.test(text))
    return 'is a Git LFS pointer, not the file itself. Run “git lfs pull” in its folder, or download the file from the hub.';
  if (WEB_PAGE.test(text) || XML_ANSWER.test(text))
    return 'is a web page, not the file: a server’s error or sign-in page was saved under its name. Download it again.';
  const found = BINARY.find(({ first: bytes }) => bytes.every((byte, i) => first[i] === byte));
  return found && `is ${found.words}`;
}

/** The same of a file that is yet to be read; reads its first bytes alone. */
export async function sniff(source: {
  readonly size: number;
  read(begin: number, end: number): Promise<Uint8Array>;
}): Promise<string | undefined> {
  return mistakenFor(await source.read(0, Math.min(FIRST_BYTES, source.size)), source.size);
}
