import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { handleKey } from '../../../src/ui/state/keyboard.ts';

const actions = { trainOrPause: vi.fn(), step: vi.fn(), back: vi.fn(), present: vi.fn(), help: vi.fn() };
const preventDefault = vi.fn();

beforeEach(() => vi.stubGlobal('document', { querySelector: () => null }));
afterEach(() => {
  vi.clearAllMocks();
  vi.unstubAllGlobals();
});

/** Presses a key inside an element that a selector is looked for around. */
function press(key: string, { inside = 'main', repeat = false, ctrlKey = false } = {}): void {
  const closest = (selector: string) => (selector.split(', ').includes(inside) ? {} : null);
  handleKey({ key, repeat, ctrlKey, target: { closest }, preventDefault } as unknown as KeyboardEvent, actions);
}

describe('the keys of the page', () => {
  test('train, step, go back, present and help', () => {
    press(' ');
    press('ArrowRight');
    press('ArrowLeft');
    press('p');
    press('?');
    for (const action of Object.values(actions)) expect(action).toHaveBeenCalledOnce();
    expect(preventDefault).toHaveBeenCalledTimes(5);
  });

  test('held down, Space trains once, without scrolling; the arrow steps on', () => {
    press(' ');
    press(' ', { repeat: true });
    press(' ', { repeat: true });
    expect(actions.trainOrPause).toHaveBeenCalledOnce();
    expect(preventDefault).toHaveBeenCalledTimes(3);
    press('?', { repeat: true });
    expect(actions.help).not.toHaveBeenCalled();
    press('ArrowRight');
    press('ArrowRight', { repeat: true });
    expect(actions.step).toHaveBeenCalledTimes(2);
  });

  test('are left to what has a use for them', () => {
    for (const inside of ['textarea', 'button', '[role="listbox"]', 'dialog']) press(' ', { inside });
    for (const inside of ['textarea', '[role="application"]', '[role="listbox"]', 'dialog'])
      press('ArrowRight', { inside });
    for (const key of ['?', 'p', 'P']) press(key, { inside: 'textarea' });
    press(' ', { ctrlKey: true });
    press('x');
    press('constructor');
    for (const action of Object.values(actions)) expect(action).not.toHaveBeenCalled();
    expect(preventDefault).not.toHaveBeenCalled();
  });

  test('wait while a dialog is open', () => {
    vi.stubGlobal('document', { querySelector: () => ({}) });
    press(' ');
    expect(actions.trainOrPause).not.toHaveBeenCalled();
  });
});
