/** `npm start`: builds the page, serves it, says at which address, and opens it where there is something to open it with. */
import { build, preview } from 'vite';
import { hasOpener } from './opener.mjs';

await build({ logLevel: 'error' });
const server = await preview({ preview: { host: '127.0.0.1', open: hasOpener(process.platform, process.env) } });
const [address] = server.resolvedUrls?.local ?? [];
console.log(`The playground is at ${address}\nLeave with Ctrl+C.`);
