import { defineConfig } from "@playwright/test";

// The tests are started by `go test ./serve -run TestConsole`, which has a server with a database for them.
export default defineConfig({
  testDir: "e2e",
  outputDir: process.env.CONSOLE_OUTPUT ?? "/tmp/tidemark-console",
  workers: 1,
  timeout: 240_000, // beside other tests, with the race detector in the server
  expect: { timeout: 60_000 },
  reporter: "line",
  use: {
    baseURL: process.env.CONSOLE_URL,
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath: process.env.CONSOLE_BROWSER, args: ["--no-sandbox"] },
    screenshot: "only-on-failure",
  },
});
