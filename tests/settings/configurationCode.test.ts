import { describe, expect, it } from 'vitest';
import { configure, contradictions, SETTING_KEYS, type Configuration } from '../../src/settings/configuration.ts';
import { CodeError, decodeConfiguration, encodeConfiguration, isCode } from '../../src/settings/configurationCode.ts';
import { preset, PRESETS } from '../../src/settings/presets.ts';
import { pick, randomDraft, randomFrom } from './random.ts';

/** A configuration with some settings changed at random; those that contradict each other are drawn anew. */
function randomConfiguration(random: () => number): Configuration {
  for (;;) {
    const draft = randomDraft(random);
    if (contradictions(draft).length === 0) return draft;
  }
}

/** The message of the CodeError that reading must end in. */
function refusal(code: string): string {
  try {
    decodeConfiguration(code);
  } catch (error) {
    expect(error).toBeInstanceOf(CodeError);
    return (error as CodeError).message;
  }
  throw new Error(`${code} was taken.`);
}

describe('the code of a configuration', () => {
  it('comes back as it was, for random configurations', () => {
    const random = randomFrom(1);
    for (let i = 0; i < 2000; i++) {
      const configuration = randomConfiguration(random);
      const code = encodeConfiguration(configuration);
      expect(isCode(code)).toBe(true);
      expect(decodeConfiguration(code)).toEqual(configuration);
      expect(new URL(`https://example.org/#${code}`).hash.slice(1)).toBe(code);
    }
  });

  it('is the preset alone where nothing differs, and otherwise only what differs', () => {
    for (const { id, configuration, earlier } of PRESETS)
      expect(encodeConfiguration(configuration)).toBe(`v=${earlier ? 2 : 1}&preset=${id}`);
    expect(encodeConfiguration(configure({ temperature: 0.02, vNorm: false }))).toBe(
      'v=1&preset=facts&temperature=0.02&vNorm=0',
    );
    expect(encodeConfiguration(configure({ trained: 'lora', loraTargets: 'v,q' }))).toBe(
      'v=1&preset=facts&trained=lora&loraTargets=q,v',
    );
  });

  it('means by a preset’s name what the name meant when the link was made', () => {
    const { configuration, earlier } = preset('gentle');
    expect(decodeConfiguration('v=2&preset=gentle')).toEqual(configuration);
    expect(configuration).toMatchObject({
      pooling: 'content',
      retrieverDepth: -1,
      centring: true,
      freezeLanguageModel: true,
    });
    const before = {
      pooling: 'mean',
      retrieverDepth: 0,
      centring: false,
      contextLayers: 'upperHalf',
      chunkTokens: 128,
    };
    expect(decodeConfiguration('v=1&preset=gentle')).toEqual(earlier);
    expect(decodeConfiguration('v=1&preset=gentle&chunks=16')).toMatchObject({
      ...before,
      learningRate: 3e-4,
      freezeLanguageModel: false,
      chunks: 16,
    });
    // The paper's preset had no dropout at first; that of small models is what it always was.
    const paper = preset('paper');
    expect(decodeConfiguration('v=2&preset=paper')).toEqual(paper.configuration);
    expect(decodeConfiguration('v=1&preset=paper')).toEqual({ ...paper.configuration, loraDropout: 0 });
    for (const version of [1, 2])
      expect(decodeConfiguration(`v=${version}&preset=prose`)).toEqual(preset('prose').configuration);
    // What was meant then is written so that it is read again as it was.
    expect(decodeConfiguration(encodeConfiguration(earlier!))).toEqual(earlier);
  });

  it.each([
    ['v=3&preset=facts', /version "3".*versions 1 and 2.*newer/],
    ['preset=facts', /version ""/],
    ['v=1', /no preset called ""/],
    ['v=1&preset=nothing', /no preset called "nothing"/],
    ['v=1&preset=facts&temperature=0', /Temperature τ \(temperature\) takes a number from 0.0001 to 10/],
    ['v=1&preset=facts&temperature=NaN', /Temperature/],
    ['v=1&preset=facts&temperature=1e999', /Temperature/],
    ['v=1&preset=facts&chunks=7', /groups of 2/],
    ['v=1&preset=facts&vNorm=2', /V-normalisation \(vNorm\) takes true or false/],
    ['v=1&preset=facts&seed=1&seed=2', /names seed twice/],
    ['v=1&preset=facts&__proto__=1', /no setting called "__proto__"/],
    ['v=1&preset=facts&constructor=1', /no setting called "constructor"/],
    ['v=1&preset=facts&text=secret', /no setting called "text"/],
    ['v=1&preset=gentle&checkpoint=../../x', /hub id/],
    ['v=1&preset=facts&seed=%zz', /seed is not encoded/],
    ['v=1&preset=facts&seed', /"seed" is not of the form/],
    ['v=1&preset=facts&', /"" is not of the form/],
    [`v=1&preset=facts&checkpoint=${'a'.repeat(300)}`, /checkpoint is too long/],
    [`v=1&preset=facts${'&seed=1'.repeat(1000)}`, /longer than any/],
  ])('%s is refused, and says why', (code, message) => {
    expect(refusal(code)).toMatch(message);
  });

  it('never breaks on what anybody may write: it is read, or refused with a short message', () => {
    const random = randomFrom(7);
    const pieces = [
      'v=1',
      '&',
      '=',
      'preset=facts',
      'seed',
      '%',
      '%41',
      '0',
      '-1',
      '1e9',
      '<script>',
      '\u0000',
      '𝔘',
      '__proto__',
    ];
    let refused = 0;
    for (let i = 0; i < 5000; i++) {
      const valid = encodeConfiguration(randomConfiguration(random)).split('');
      const changes = 1 + Math.floor(4 * random());
      for (let change = 0; change < changes; change++) {
        valid.splice(Math.floor(random() * valid.length), Math.floor(random() * 3), pick(pieces, random));
      }
      try {
        const configuration = decodeConfiguration(valid.join(''));
        expect(configure({}, configuration)).toEqual(configuration);
        expect(Object.keys(configuration)).toEqual(SETTING_KEYS);
      } catch (error) {
        expect(error).toBeInstanceOf(CodeError);
        expect((error as CodeError).message.length).toBeLessThan(400);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
    expect(({} as Record<string, unknown>).seed).toBeUndefined();
  });
});
