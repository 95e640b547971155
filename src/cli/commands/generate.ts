import { generate } from '../../models/generate.ts';
import { loadModel, openCheckpoint } from '../support/modelFolder.ts';
import { openNodeRuntime } from '../support/nodeGpu.ts';
import { reportCompiling, timeText } from '../support/reports.ts';
import { nothingMore, parse, required, whole, type Command } from '../support/usage.ts';

export const generateCommand: Command = {
  name: 'generate',
  usage: '--model PATH --prompt TEXT',
  summary: 'continues a text with the likeliest tokens: shows that a checkpoint is loaded right',
  help: `  --model PATH             a Hugging Face folder of the Qwen or Llama family, or a GGUF file of such a model
  --prompt TEXT            the text to continue
  --tokens N               how many tokens to add at most (default 32)
  --adapter DIR            a PEFT folder: a language model's adapter over the checkpoint
Every token runs the whole text again (there is no cache), so long texts are slow.`,
  async run(args, signal) {
    const { values, positionals } = parse(args, {
      model: { type: 'string' },
      prompt: { type: 'string' },
      tokens: { type: 'string' },
      adapter: { type: 'string' },
    });
    nothingMore(positionals);
    const folder = required('model', values.model, 'the folder of a checkpoint');
    const prompt = required('prompt', values.prompt, 'the text to continue');
    const maxTokens = whole('tokens', values.tokens, 32);
    const pretrained = await openCheckpoint(folder);
    const { tokenizer } = pretrained;
    for (const notice of pretrained.notices) process.stderr.write(`note: ${notice}\n`);
    const runtime = await openNodeRuntime();
    reportCompiling(runtime);
    const model = await loadModel(runtime, pretrained, { head: true, adapter: values.adapter, signal });
    try {
      const ids = tokenizer.encode(prompt);
      const added: number[] = [];
      let shown = 0;
      const show = (last: boolean): void => {
        const text = tokenizer.decode(added);
        // A token may end within a character: its bytes wait for the rest.
        const whole = last ? text : text.replace(/\uFFFD+$/, '');
        process.stdout.write(whole.slice(shown));
        shown = Math.max(shown, whole.length);
      };
      process.stdout.write(prompt);
      const started = performance.now();
      await generate(runtime, model.decoder, ids, {
        maxTokens,
        endIds: pretrained.endIds,
        signal,
        onToken(id) {
          added.push(id);
          show(false);
        },
      });
      show(true);
      process.stdout.write('\n');
      process.stderr.write(`${added.length} tokens in ${timeText(performance.now() - started)}\n`);
    } finally {
      model.destroy();
      runtime.destroy();
    }
  },
};
