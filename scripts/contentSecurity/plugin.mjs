/**
 * Vite plugin: a content security policy for the built page, as a tag in it (whoever hosts it need set nothing) and as headers of the
 * preview. Nothing but the page's own files runs; texts and weights can go nowhere but to the hubs that the reader asks.
 */
import { createHash } from 'node:crypto';

/** Hubs of checkpoints: their addresses redirect to storage of the same owners. */
const HUBS = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];
/** A reader's own hub may be anywhere: https, or this machine. Only workers load from hubs. */
const ANY_HUB = ['https:', 'http://localhost:*', 'http://127.0.0.1:*'];

/** @param {string[]} scripts hashes of the page's inline scripts, as a policy has them */
export function pagePolicy(scripts) {
  return policy({
    'default-src': ["'none'"],
    'script-src': ["'self'", ...scripts],
    'style-src': ["'self'"],
    // Svelte and d3 set single properties: widths, colours.
    'style-src-attr': ["'unsafe-inline'"],
    // KaTeX's smallest fonts stand in its style sheet.
    'font-src': ["'self'", 'data:'],
    'img-src': ["'self'", 'data:', 'blob:'],
    'connect-src': ["'self'", ...HUBS],
    'worker-src': ["'self'"],
    // The Share panel shows the page embedded in itself.
    'frame-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
  });
}

/** What a worker of the page may do: it takes the policy that its own file is served with. */
export function workerPolicy() {
  return policy({
    'default-src': ["'none'"],
    // WebAssembly: pretrained encoders and PDF files.
    'script-src': ["'self'", "'wasm-unsafe-eval'"],
    'connect-src': ["'self'", 'blob:', 'data:', ...ANY_HUB],
    'worker-src': ["'self'"],
  });
}

/** @param {Record<string, string[]>} directives */
function policy(directives) {
  return Object.entries(directives)
    .map(([name, values]) => [name, ...values].join(' '))
    .join('; ');
}

/** The hashes of the scripts that stand in a page. @param {string} html */
export function scriptHashes(html) {
  const scripts = html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g);
  return Array.from(scripts, ([, code]) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`);
}

/** @returns {import('vite').Plugin} */
export function contentSecurity() {
  return {
    name: 'content-security',
    transformIndexHtml: {
      order: 'post',
      handler(html, { server }) {
        // Vite's own server injects scripts of its own, and reloads over a socket.
        if (server) return html;
        const content = pagePolicy(scriptHashes(html));
        const tag = `<meta http-equiv="Content-Security-Policy" content="${content}" />`;
        return html.replace(/<meta charset="[^"]*" \/>/, (charset) => `${charset}\n    ${tag}`);
      },
    },
    configurePreviewServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? '/', 'http://localhost');
        response.setHeader('X-Content-Type-Options', 'nosniff');
        response.setHeader('Referrer-Policy', 'no-referrer');
        response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
        // The page brings its own, with the hash of its script.
        if (pathname.endsWith('js')) response.setHeader('Content-Security-Policy', workerPolicy());
        next();
      });
    },
  };
}
