import type { Page } from '@playwright/test';

/**
 * Controls that a pointer cannot reach, in words: covered in their middle by something else, or beyond the window's sides, even
 * when they are scrolled into sight. Where a dialog is open, its own are looked at. Ends where the page was scrolled to before.
 */
export function unreachable(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const root = document.querySelector('dialog[open]') ?? document.body;
    const { scrollX, scrollY, innerWidth } = window;
    const found: string[] = [];
    for (const control of root.querySelectorAll<HTMLElement>('button, a[href], input, select, textarea, summary')) {
      const isElsewhere = control.closest('dialog:not([open]), [popover]:not(:popover-open), [data-away]') !== null;
      if (isElsewhere || !control.checkVisibility({ visibilityProperty: true })) continue;
      control.scrollIntoView({ block: 'center', inline: 'nearest' });
      // Of a link that goes over two lines, the first.
      const [box = control.getBoundingClientRect()] = control.getClientRects();
      const { left, top, width, height } = box;
      // A button presses what only the keyboard's readers see, as it does with fields for files.
      if (width < 2 || height < 2) continue;
      const [x, y] = [left + width / 2, top + height / 2];
      const there = document.elementFromPoint(x, y);
      const isHit =
        there !== null &&
        (control.contains(there) ||
          control.closest('label')?.contains(there) ||
          there.closest('label')?.contains(control));
      if (isHit && left >= -1 && left + width <= innerWidth + 1) continue;
      const name = control.getAttribute('aria-label') ?? control.textContent?.trim().slice(0, 40) ?? '';
      const by = there ? `${there.tagName.toLowerCase()}.${there.getAttribute('class') ?? ''}` : 'nothing';
      found.push(`${control.tagName.toLowerCase()} "${name}" at ${Math.round(x)}, ${Math.round(y)}: there is ${by}`);
    }
    window.scrollTo(scrollX, scrollY);
    return found;
  });
}
