import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SETTING_KEYS } from '../../../src/settings/configuration.ts';
import { PLACE_FIELDS, placeCode, RECORDED_RUNS, splitFragment } from '../../../src/ui/panels/share/place.ts';

describe('a place in a link', () => {
  test('is read as it was written, with what else stands there left over', () => {
    const place = {
      run: 'facts',
      step: 320,
      cell: { row: 1, column: 4 },
      matrix: 'S',
      batch: 'step',
      panel: 'search',
    } as const;
    expect(placeCode(place)).toBe('run=facts&step=320&cell=2.5&matrix=S&batch=step&panel=search');
    expect(splitFragment(`v=1&preset=facts&${placeCode(place)}&seed=3`)).toEqual({
      rest: 'v=1&preset=facts&seed=3',
      place,
      problems: [],
    });
    for (const name of PLACE_FIELDS) {
      const one = { [name]: place[name] };
      expect(splitFragment(placeCode(one)).place).toEqual(one);
    }
    expect(placeCode({})).toBe('');
  });

  test('leaves links that name none as they are', () => {
    for (const fragment of ['', 'lesson=3.2', 'v=1&preset=facts&temperature=0.03', 'anything', 'a=b=c', '=1', 'step'])
      expect(splitFragment(fragment)).toEqual({ rest: fragment, place: undefined, problems: [] });
  });

  test.each([
    'step=x',
    'step=-1',
    'step=',
    'cell=2',
    'cell=0.1',
    'cell=1.100',
    'matrix=AS',
    'batch=held',
    'run=../x',
    'panel=a b',
  ])('%s is complained about, and the rest is read', (field) => {
    const { place, problems } = splitFragment(
      `${field}&run=facts&panel=search`.replace(/^(run|panel)=[^&]*&/, '$&step=1&'),
    );
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toContain(field.split('=')[0]);
    expect(place).toBeDefined();
  });

  test('shares no name with a setting, so that neither is taken for the other', () => {
    expect(PLACE_FIELDS.filter((name) => (SETTING_KEYS as readonly string[]).includes(name))).toEqual([]);
  });

  test('knows the recorded runs that come with the page', () => {
    const files = readdirSync('public/recorded').map((name) => name.replace(/\.json$/, ''));
    expect([...RECORDED_RUNS].sort()).toEqual(files.sort());
  });
});
