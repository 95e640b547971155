/**
 * Vite plugin: the tags by which other pages show a preview of a link to this one. Most of them want whole addresses, and where a build
 * will lie only who hosts it knows: SITE_URL in the environment says so (docs/HOSTING.md). Without it the picture's address is relative.
 */
export const PICTURE = { file: 'preview.png', width: 1200, height: 630 };

const ALT =
  'Left a matrix of which chunk of text reads which, right the chunks and the curves of the loss: each chunk reads the one that tells the same fact.';

/**
 * @param {string | undefined} site the address at which the page will lie
 * @returns {import('vite').Plugin}
 */
export function linkPreview(site) {
  return { name: 'link-preview', transformIndexHtml: () => previewTags(site) };
}

/**
 * @param {string | undefined} site
 * @returns {import('vite').HtmlTagDescriptor[]}
 * @throws {Error} when the address is none that a page can lie at
 */
export function previewTags(site) {
  const base = site ? folderOf(site) : undefined;
  const image = base ? new URL(PICTURE.file, base).href : `./${PICTURE.file}`;
  return [
    ...(base ? [property('og:url', base.href)] : []),
    property('og:image', image),
    property('og:image:width', String(PICTURE.width)),
    property('og:image:height', String(PICTURE.height)),
    property('og:image:alt', ALT),
    { tag: 'meta', attrs: { name: 'twitter:image', content: image }, injectTo: 'head' },
  ];
}

/** @param {string} name @param {string} content @returns {import('vite').HtmlTagDescriptor} */
function property(name, content) {
  return { tag: 'meta', attrs: { property: name, content }, injectTo: 'head' };
}

/** @param {string} site */
function folderOf(site) {
  if (!URL.canParse(site) || !/^https?:/.test(site))
    throw new Error(`SITE_URL is "${site}", and should be the address of the page, https://example.org/revela/ say.`);
  const address = new URL(site);
  address.search = address.hash = '';
  if (!address.pathname.endsWith('/')) address.pathname += '/';
  return address;
}
