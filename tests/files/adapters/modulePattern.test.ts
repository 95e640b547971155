import { expect, test } from 'vitest';
import { modulePattern } from '../../../src/files/adapters/modulePattern.ts';
import { randomInt, seededRandom } from '../../harness/numerics.ts';
import { pick } from '../mutations.ts';

const Q = 'model.layers.12.self_attn.q_proj';

// Truth values are Python's re.fullmatch.
test.each<[string, string, boolean]>([
  ['model\\.layers\\.\\d+\\.self_attn\\.(q_proj|v_proj)', Q, true],
  ['model\\.layers\\.\\d+\\.self_attn\\.(q_proj|v_proj)', 'model.layers.12.self_attn.k_proj', false],
  ['^(?!.*(lm_head|embed_tokens)).*\\.(?:q_proj|v_proj)$', Q, true],
  ['^(?!.*(lm_head|self_attn)).*\\.(?:q_proj|v_proj)$', Q, false],
  ['.*q_proj', Q, true],
  ['q_proj', Q, false],
  ['.*\\.[qkv]_proj', Q, true],
  ['.*\\.[^qkv]_proj', Q, false],
  ['.*\\.(?P<name>q|k)_proj', Q, true],
  ['.*layers\\.\\d{1,2}\\..*', Q, true],
  ['.*layers\\.\\d{3}\\..*', Q, false],
  ['.*layers\\.\\d{1,}?\\..*?', Q, true],
  ['(?=model).*', Q, true],
  ['(?:.*?(?:vision|language).*?(?:q_proj).*?)|(?:\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|mlp)\\.(?:(?:q_proj|k_proj)))', Q, true],
  ['.*\\b_proj', Q, false],
  ['(.*\\.)?q_proj', 'q_proj', true],
  ['a{,2}', 'aa', true],
  ['a{,2}', 'aaa', false],
  ['[]a]+', 'a]a', true],
  ['a|', '', true],
])('%s on %s', (expression, text, fits) => {
  expect(modulePattern(expression)?.(text)).toBe(fits);
}); // prettier-ignore

test.each(['(', ')', 'a**', '*', '[a', '(?<=a)b', '(?i)q', '(a)\\1', '\\', 'a{101}', 'x'.repeat(2001), `${'('.repeat(21)}${')'.repeat(21)}`])(
  'what is damaged or uses more is not read: %s',
  (expression) => expect(modulePattern(expression)).toBeUndefined(),
); // prettier-ignore

test('on what both know it is what JavaScript says', () => {
  const pieces = ['a', 'b', '.', '[ab]', '[^a]', '(a|b)', '(?:ab)', '(?=a)', '(?!b)', 'a*', 'b+?', '(ab)?', '.*', 'a{2}', '^', '$', '\\w', '|'];
  let fitted = 0;
  for (let round = 0; round < 20_000; round++) {
    const random = seededRandom(round);
    const expression = Array.from({ length: randomInt(random, 1, 6) }, () => pick(random, pieces)).join('');
    const text = Array.from({ length: randomInt(random, 0, 7) }, () => pick(random, ['a', 'b'])).join('');
    const expected = new RegExp(`^(?:${expression})$`).test(text);
    if (modulePattern(expression)?.(text) !== expected) throw new Error(`${expression} on ${text}: not ${expected}`);
    if (expected) fitted++;
  }
  expect(fitted).toBeGreaterThan(2000);
}); // prettier-ignore

test('an expression made never to end is given up', () => {
  const name = 'model.layers.12.self_attn.q_proj_';
  for (const hostile of ['(.*)*'.repeat(20), '(.|.)'.repeat(200), '((((.?){99}){99}){99}){99}x', '(?=.*'.repeat(19) + ')'.repeat(19) + 'x', '((((){99}){99}){99}){99}'.repeat(9)])
    expect([true, false, undefined]).toContain(modulePattern(hostile)?.(name));
  expect(modulePattern('((((.?){99}){99}){99}){99}x')?.(name)).toBeUndefined();
}); // prettier-ignore
