import { expect, test } from 'vitest';
import { LORA_TARGETS } from '../../src/models/lora.ts';
import { AdapterShapeError, expectSameShape, loraConfig, shapeSettings, sharedShape } from '../../src/run/loraShape.ts';
import { configure } from '../../src/settings/configuration.ts';
import { SettingError } from '../../src/settings/setting.ts';

const SHAPE = { rank: 3, alpha: 6, targets: ['q_proj', 'v_proj', 'down_proj'] } as const;

test('settings say the shape of adapters, and a shape says the settings', () => {
  expect(loraConfig(configure({})).targets).toEqual(LORA_TARGETS);
  const settings = shapeSettings(SHAPE);
  expect(settings).toEqual({ trained: 'lora', rank: 3, alpha: 6, loraTargets: 'q,v,down' });
  expect(loraConfig(configure(settings))).toEqual(SHAPE);
  expect(() => shapeSettings({ ...SHAPE, rank: 512 })).toThrow(SettingError);
});

/** What is thrown for adapters of this shape under a run of another. */
function refusal(found: Parameters<typeof expectSameShape>[1], wanted: Parameters<typeof expectSameShape>[2]) {
  try {
    expectSameShape('retriever', found, wanted);
  } catch (cause) {
    expect(cause).toBeInstanceOf(AdapterShapeError);
    return cause as AdapterShapeError;
  }
  throw new Error('It fitted.');
}

test('an adapter fits under a run of the same rank, alpha and targets; for any other it is said which run it fits', () => {
  // The order in which targets are named does not matter.
  expect(() => expectSameShape('retriever', { ...SHAPE, targets: SHAPE.targets.toReversed() }, SHAPE)).not.toThrow();
  const settings = { trained: 'lora', rank: 3, alpha: 6, loraTargets: 'q,v,down' };
  for (const wanted of [
    { ...SHAPE, rank: 4 },
    { ...SHAPE, alpha: 4 },
    { ...SHAPE, targets: ['q_proj'] as const },
    undefined,
  ])
    expect(refusal(SHAPE, wanted).settings).toEqual(settings);
  expect(refusal(SHAPE, { ...SHAPE, rank: 4 }).message).toBe(
    'The adapter of the retriever has rank 3, alpha 6 on q_proj, v_proj, down_proj, but this run has rank 4, alpha 6 on q_proj, v_proj, down_proj. They go under a run with rank 3, alpha 6, loraTargets q,v,down.',
  );
  expect(refusal(SHAPE, undefined).message).toContain('but this run trains its models whole');
});

test('where no run has such a shape, it is said why', () => {
  const large = refusal({ ...SHAPE, rank: 512 }, SHAPE);
  expect([large.settings, large.message]).toEqual([undefined, expect.stringContaining('LoRA rank (rank) takes')]);
  const partly = refusal({ ...SHAPE, layers: [1] }, SHAPE);
  expect([partly.settings, partly.message]).toEqual([undefined, expect.stringContaining('in layers 1 alone')]);
});

test('two adapters of a run have one shape', () => {
  const [retriever, languageModel] = [
    { whose: 'retriever', ...SHAPE },
    { whose: 'language model', ...SHAPE },
  ];
  expect(sharedShape([retriever, languageModel])).toMatchObject(SHAPE);
  expect(() => sharedShape([retriever, { ...languageModel, rank: 4 }])).toThrow(
    /retriever has rank 3, .* that of the language model rank 4, .*Load one of them alone/,
  );
});
