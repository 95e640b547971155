/** The page for a lecture hall: whether it is shown, in full screen where the browser allows that. */
export class Present {
  isOpen = $state(false);

  open(): void {
    this.isOpen = true;
    // Refused inside frames and on some phones: it then fills the window.
    void document.documentElement.requestFullscreen?.().catch(() => undefined);
  }

  close(): void {
    this.isOpen = false;
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
  }
}
