import { type Page, test } from "@playwright/test";

// Pages, and what of them is the first content.
const pages: [string, (page: Page) => ReturnType<Page["locator"]>][] = [
  ["/", (p) => p.locator("section.card").first()],
  ["/pipelines", (p) => p.locator("tbody tr").first()],
  ["/pipelines/p001", (p) => p.locator("tbody tr").first()],
  ["/pipelines/p001/visual", (p) => p.getByRole("group", { name: "Canvas" }).getByRole("button").first()],
  ["/pipelines/p001/spec", (p) => p.getByLabel("YAML of the pipeline").first()],
  ["/runs", (p) => p.locator("tbody tr").first()],
  ["/triggers", (p) => p.locator("tbody tr").first()],
  ["/watermarks", (p) => p.locator("tbody tr").first()],
  ["/catalog", (p) => p.locator("tbody tr").first()],
  ["/catalog/lake/shop.t_0001", (p) => p.locator("tbody tr").first()],
  ["/query", (p) => p.getByRole("textbox", { name: "SQL" })],
  ["/connections", (p) => p.locator("tbody tr").first()],
  ["/audit", (p) => p.locator("tbody tr").first()],
];

test("how long pages take with much to show", async ({ page }) => {
  test.setTimeout(600_000);
  const told: string[] = [];
  for (const [path, content] of pages) {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      await page.goto(path, { waitUntil: "commit" });
      await content(page).waitFor();
      times.push(performance.now() - began);
    }
    const first = times[0] ?? 0;
    times.sort((a, b) => a - b);
    told.push(`${path}: first ${first.toFixed(0)} ms, median ${(times[2] ?? 0).toFixed(0)} ms, worst ${(times[4] ?? 0).toFixed(0)} ms`);
  }
  console.log(told.join("\n"));
});
