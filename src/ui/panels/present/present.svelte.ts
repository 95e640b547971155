/** The page for a lecture hall: whether it is shown, in full screen where the browser allows that. */
export class Present {
  isOpen = $state(false);

  async open(): Promise<void> {
    // Refused inside frames and on some phones: it then fills the window. The dialog is opened after it, since what is shown last lies on top.
    await document.documentElement.requestFullscreen?.().catch(() => undefined);
    this.isOpen = true;
  }

  close(): void {
    this.isOpen = false;
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
  }
}
