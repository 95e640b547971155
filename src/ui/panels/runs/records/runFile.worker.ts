import { answerFor } from './runFile.ts';

/** Reads one run file beside the page, which goes on meanwhile however large or strange the file is. */
addEventListener('message', ({ data: file }: MessageEvent<File>) => {
  void answerFor(file).then((answer) => postMessage(answer));
});
