/** pdf.js's own worker, which takes its place as one when it is loaded: a file here, so that it is bundled with the page. */
import 'pdfjs-dist/legacy/build/pdf.worker.mjs';
