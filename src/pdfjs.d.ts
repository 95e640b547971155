/** Loaded for what it does: it has no types of its own. */
declare module 'pdfjs-dist/legacy/build/pdf.worker.mjs';
