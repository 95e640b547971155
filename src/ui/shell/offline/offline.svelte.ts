const SERVICE_WORKER = './serviceWorker.js';

/** Whether the page is kept on this machine, and whether a newer version waits. */
export class Offline {
  /** Everything is here: the page works without a network. */
  isKept = $state(false);
  /** Whether the page's server can be reached, as far as is known. */
  isConnected = $state(navigator.onLine);
  private waiting = $state.raw<ServiceWorker>();

  readonly hasUpdate = $derived(this.waiting !== undefined);

  /** Registers the service worker of the built page. Returns how to stop listening. */
  start(): () => void {
    const tell = (): void => {
      this.isConnected = navigator.onLine;
      // Browsers call any network a connection, and some do so even without one: the server's answer is what counts.
      if (this.isConnected) void isReached().then((reached) => (this.isConnected = reached && navigator.onLine));
    };
    tell();
    window.addEventListener('online', tell);
    window.addEventListener('offline', tell);
    // The development server has none, and browsers offer none where the page is not safe from tampering.
    if (import.meta.env.PROD && 'serviceWorker' in navigator) void this.register();
    return () => {
      window.removeEventListener('online', tell);
      window.removeEventListener('offline', tell);
    };
  }

  /** Puts the newer version in place; this page is then loaded anew. */
  update(): void {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    this.waiting?.postMessage('take over');
  }

  private async register(): Promise<void> {
    try {
      await loaded();
      const { serviceWorker } = navigator;
      const registration = await serviceWorker.register(SERVICE_WORKER, { updateViaCache: 'none' });
      void serviceWorker.ready.then(() => (this.isKept = true));
      const look = (): void => {
        // A first version has nothing to wait for: without an active one it takes its place by itself.
        if (registration.waiting && registration.active) this.waiting = registration.waiting;
      };
      look();
      registration.addEventListener('updatefound', () => {
        registration.installing?.addEventListener('statechange', look);
      });
    } catch {
      // Refused, or no such file: the page works as any other, with a network.
    }
  }
}

/** The page's own: started by the note at its foot. */
export const offline = new Offline();

/** Whether the page's server answers anything at all. No copy that is kept here does: its service worker is not kept. */
async function isReached(): Promise<boolean> {
  try {
    await loaded();
    await fetch(SERVICE_WORKER, { method: 'HEAD', cache: 'no-store' });
    return true;
  } catch {
    return false;
  }
}

/** What the page needs at once comes first; the rest of it is fetched after that. */
function loaded(): Promise<void> {
  if (document.readyState === 'complete') return Promise.resolve();
  return new Promise((done) => window.addEventListener('load', () => done(), { once: true }));
}
