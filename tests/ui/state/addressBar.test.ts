import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeConfiguration } from '../../../src/settings/configurationCode.ts';
import { configure, defaultConfiguration } from '../../../src/settings/configuration.ts';
import { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { AddressBar } from '../../../src/ui/panels/share/addressBar.svelte.ts';
import { claims, whyNoCode } from '../../../src/ui/panels/share/claims.ts';

const LINK = '#v=1&preset=facts&temperature=0.03';
const onread = vi.fn();
const onplace = vi.fn(() => Promise.resolve(['No such step.']));
let location: { hash: string; pathname: string; search: string; origin: string };
let open: () => void = () => undefined;

beforeEach(() => {
  location = { hash: '', pathname: '/', search: '', origin: 'http://page' };
  const write = (_state: unknown, _title: string, url: string) => (location.hash = /#.*/.exec(url)?.[0] ?? '');
  vi.stubGlobal('location', location);
  vi.stubGlobal('history', { pushState: write, replaceState: write });
  vi.stubGlobal('window', {
    addEventListener: (_type: string, listener: () => void) => (open = listener),
    removeEventListener: () => undefined,
  });
});
afterEach(() => {
  vi.clearAllMocks();
  vi.unstubAllGlobals();
});

/** A reader with settings of their own, if any, opens the page at an address. */
function visit(hash: string, own: Parameters<typeof configure>[0] = {}) {
  const draft = new Draft();
  draft.adopt(configure(own));
  location.hash = hash;
  const address = new AddressBar(draft, onread, onplace);
  address.start();
  return { draft, address };
}

describe('a link that is opened', () => {
  test('gives its settings, and the reader’s own can be brought back', () => {
    const { draft, address } = visit(LINK, { seed: 7 });
    expect(draft.configuration).toMatchObject({ temperature: 0.03, seed: defaultConfiguration().seed });
    expect(address.former).toMatchObject({ seed: 7 });
    address.bringBack();
    expect(draft.configuration).toEqual(configure({ seed: 7 }));
    expect(address.former).toBeUndefined();
    expect(onread).toHaveBeenCalledOnce();
    expect(address.link).toContain(encodeConfiguration(configure({ seed: 7 })));
  });

  test('offers nothing back where nothing was the reader’s own, or nothing changed', () => {
    expect(visit(LINK).address.former).toBeUndefined();
    expect(visit(LINK, { temperature: 0.03 }).address.former).toBeUndefined();
    expect(visit('', { seed: 7 }).address.former).toBeUndefined();
    expect(visit('#lesson=3.2', { seed: 7 }).address.former).toBeUndefined();
  });

  test('can be kept to', () => {
    const { draft, address } = visit(LINK, { seed: 7 });
    address.letGo();
    expect(address.former).toBeUndefined();
    expect(draft.configuration.temperature).toBe(0.03);
  });

  test('that cannot be read changes nothing, and so takes nothing away', () => {
    const { draft, address } = visit('#v=1&preset=facts&temperature=-1', { seed: 7 });
    expect(address.problem).toMatch(/Temperature/);
    expect(address.former).toBeUndefined();
    expect(draft.configuration.seed).toBe(7);
  });
});

describe('a fragment that looks like settings', () => {
  const NEARLY = [
    'V=1&preset=facts',
    'preset=facts',
    'v%3D1%26preset=facts',
    'v%3d1',
    'temperature=0.3',
    '=',
    'v=',
    'v=2',
  ];

  test.each(NEARLY)('%s is complained about, when opened and when come to', (fragment) => {
    const { draft, address } = visit(`#${fragment}`, { seed: 7 });
    expect(address.problem).toBeDefined();
    expect(draft.configuration.seed).toBe(7);
    expect(location.hash, 'it stays where it can be mended').toBe(`#${fragment}`);

    const later = visit('', { seed: 7 });
    location.hash = `#${fragment}`;
    open();
    expect(later.address.problem).toBeDefined();
    expect(later.draft.configuration.seed).toBe(7);
  });

  test('says where a link to settings begins, and quotes no more than a little', () => {
    expect(whyNoCode('V=1&preset=facts')).toBe(
      'Links to settings begin with #v=1, and this one with "#V=1&preset=facts".',
    );
    expect(whyNoCode(`x=${'y'.repeat(5000)}`)?.length).toBeLessThan(120);
    expect(whyNoCode('v=1&preset=facts')).toBeUndefined();
  });

  test('a lesson that is misspelt is called a lesson', () => {
    for (const fragment of ['lesson=', 'lesson=x', 'Lesson=3.2', 'lesson%3D3.2']) {
      expect(visit(`#${fragment}`).address.problem).toMatch(/lesson/);
    }
  });

  test('anything else is none of its business', () => {
    for (const fragment of ['', 'lesson=3.2', 'drawer', 'section-2']) {
      expect(claims(fragment)).toBe(false);
      expect(visit(`#${fragment}`).address.problem).toBeUndefined();
    }
  });
});

describe('a link to what is looked at', () => {
  const PLACE = '#run=facts&step=320&cell=2.5&matrix=S&batch=step&panel=search';

  test('leaves the reader’s settings alone and stays in the address until they change', async () => {
    const { draft, address } = visit(PLACE, { seed: 7 });
    expect(draft.configuration.seed).toBe(7);
    expect(location.hash).toBe(PLACE);
    await address.openPlace();
    expect(onplace).toHaveBeenCalledExactlyOnceWith(address.place);
    expect(address.place).toMatchObject({ run: 'facts', step: 320, matrix: 'S' });
    expect(address.unshown).toEqual(['No such step.']);
    address.dismiss();
    expect(address.unshown).toEqual([]);
  });

  test('comes with settings or a lesson', () => {
    const { draft, address } = visit(`${LINK}&${PLACE.slice(1)}`);
    expect(draft.configuration.temperature).toBe(0.03);
    expect(address.problem).toBeUndefined();
    expect(visit('#lesson=3.2&panel=search').address.problem).toBeUndefined();
    expect(visit('#lesson=3.2&colour=red').address.problem).toBeDefined();
    expect(visit('#run=facts&colour=red').address.problem).toBeDefined();
  });

  test('is opened too when it comes while the page is open, and takes no settings with it', () => {
    const { draft } = visit('', { seed: 7 });
    location.hash = PLACE;
    open();
    expect(onplace).toHaveBeenCalledOnce();
    expect(draft.configuration.seed).toBe(7);
    expect(onread).not.toHaveBeenCalled();
  });

  test('is made of what is looked at, with settings only where they are not what everybody has', () => {
    const place = { run: 'facts', step: 320, cell: { row: 1, column: 4 } };
    expect(visit('').address.linkTo(place)).toBe('http://page/#run=facts&step=320&cell=2.5');
    expect(visit('', { temperature: 0.03 }).address.linkTo(place)).toBe(
      `http://page/${LINK}&run=facts&step=320&cell=2.5`,
    );
  });
});
