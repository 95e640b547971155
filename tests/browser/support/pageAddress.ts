/** Where the built page is served: the server started by Playwright tells its port (playwright.config.ts) before any test begins. */
export function pageAddress(): string {
  return `http://127.0.0.1:${process.env.REVELA_PAGE_PORT}/`;
}
