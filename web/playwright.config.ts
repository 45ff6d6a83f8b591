import { defineConfig } from "@playwright/test";

// The tests are started by `go test ./serve -run TestConsole`, which has a server with a database for them.
export default defineConfig({
  testDir: "e2e",
  outputDir: process.env.CONSOLE_OUTPUT ?? "/tmp/tidemark-console",
  workers: 1,
  timeout: 240_000, // beside other tests, with the race detector in the server
  expect: { timeout: 60_000 },
  reporter: "line",
  // One behind the other: what the pages show comes from the tests of what people do, and behind the first user nothing
  // is open any more.
  projects: process.env.CONSOLE_MANY
    ? [{ name: "many", testMatch: /many\.spec\.ts/ }]
    : [
        { name: "use", testIgnore: /(pages|roles|many)\.spec\.ts/ },
        { name: "pages", testMatch: /pages\.spec\.ts/, dependencies: ["use"] },
        { name: "roles", testMatch: /roles\.spec\.ts/, dependencies: ["pages"] },
      ],
  use: {
    baseURL: process.env.CONSOLE_URL,
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath: process.env.CONSOLE_BROWSER, args: ["--no-sandbox"] },
    screenshot: "only-on-failure",
  },
});
