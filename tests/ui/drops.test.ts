import { describe, expect, test } from 'vitest';
import { belongsToField, carriesFiles } from '../../src/ui/panels/text/drops.ts';

type Dragging = Parameters<typeof belongsToField>[0];

/** Something dragged over an element that lies in a text field, or in none. */
function over(isInField: boolean, ...types: string[]): Dragging {
  const closest = (selector: string) => (isInField && selector.includes('textarea') ? {} : null);
  return { target: { closest } as unknown as EventTarget, dataTransfer: { types } as unknown as DataTransfer };
}

describe('what is dragged', () => {
  test('words over a field belong to that field', () => {
    expect(belongsToField(over(true, 'text/plain'))).toBe(true);
    expect(belongsToField(over(true, 'text/plain', 'text/html'))).toBe(true);
  });

  test('words beside fields belong to none', () => {
    expect(belongsToField(over(false, 'text/plain'))).toBe(false);
    expect(belongsToField({ target: {} as EventTarget, dataTransfer: null })).toBe(false);
    expect(belongsToField({ target: null, dataTransfer: null })).toBe(false);
  });

  test('files belong to the page, wherever they are', () => {
    expect(carriesFiles(over(true, 'Files'))).toBe(true);
    expect(belongsToField(over(true, 'Files'))).toBe(false);
    expect(carriesFiles(over(false, 'text/uri-list', 'text/plain'))).toBe(false);
  });
});
