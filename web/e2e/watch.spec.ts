import AxeBuilder from "@axe-core/playwright";
import { type Page, expect, test } from "@playwright/test";

import { exec } from "./server";

// pictures are taken of pages whose address only these tests know.
async function picture(page: Page, name: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, `${name} is wider than ${width}`).toBeLessThanOrEqual(0);
      const found = (await new AxeBuilder({ page }).analyze()).violations.filter((v) => v.impact === "serious" || v.impact === "critical");
      expect(found.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`)).toEqual([]);
      await page.screenshot({ path: `${process.env.CONSOLE_OUTPUT}/_${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

test("home tells what is late and why, and what today has brought", async ({ page }) => {
  await exec("CREATE TABLE tide AS SELECT seq AS id, CAST('2024-01-01' AS DATETIME) + INTERVAL seq SECOND AS moment, REPEAT('x', 9000) AS pad FROM seq_1_to_1200");
  await exec("ALTER TABLE tide ADD PRIMARY KEY (id), ADD KEY (moment)");
  await page.goto("/");
  const tide = page.getByRole("region", { name: "tide" });
  await expect(tide).toContainText("late");
  await expect(tide).toContainText("nothing was loaded since");
  await tide.getByRole("link", { name: "tide" }).click();
  await page.getByRole("button", { name: "Run now" }).click();

  // Each split is followed, by its statement.
  await expect(page.getByRole("region", { name: "Progress" }).getByRole("region", { name: "Splits" })).toContainText("SELECT");
  await picture(page, "run-running");
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible();
  const result = page.getByRole("region", { name: "Result" });
  await expect(result).toContainText("1,200");
  await expect(result).toContainText("2024-01-01 00:20:00");
  await expect(result.getByRole("region", { name: "Splits" })).toContainText("SELECT");

  await page.goto("/");
  await expect(tide).toContainText("1,200 rows today");
  await expect(tide.getByRole("img")).toHaveAttribute("aria-label", "the last 1 runs: 0 failed");
});

test("two runs are compared, from the run and from the list", async ({ page }) => {
  await exec("INSERT INTO tide VALUES (2000, '2024-02-01', '')");
  await page.goto("/pipelines/tide");
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByRole("heading", { name: "Run of tide" })).toBeVisible();
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible();
  await picture(page, "run-ended");
  await page.getByRole("link", { name: "Compare with the run before" }).click();
  const both = page.getByRole("region", { name: "Two runs" });
  await expect(both.getByRole("row", { name: /^New / })).toContainText("−1,199");
  await expect(both.getByRole("row", { name: /^Watermark to/ })).toContainText("2024-02-01 00:00:00");
  await picture(page, "runs-compare");
  const address = page.url();

  await page.goto("/runs");
  await page.getByLabel("Pipeline").fill("tide");
  await expect(page.getByRole("checkbox", { name: /^compare run/ })).toHaveCount(2);
  await page.getByLabel("State").selectOption("failed");
  await expect(page.getByText("No run passes the filter.")).toBeVisible();
  await page.getByLabel("State").selectOption("succeeded");
  await page.getByLabel("Queued in").selectOption("the last hour");
  await expect(page.getByRole("checkbox", { name: /^compare run/ })).toHaveCount(2);
  await page.getByRole("checkbox", { name: /^compare run/ }).first().check();
  await page.getByRole("checkbox", { name: /^compare run/ }).last().check();
  await page.getByRole("link", { name: "Compare the two runs" }).click();
  await expect(page).toHaveURL(address);
});

test("a watermark has its history, and what the next run would read", async ({ page }) => {
  await page.goto("/watermarks");
  const row = page.getByRole("row", { name: /^tide / });
  await expect(row).toContainText("2024-02-01 00:00:00");
  await expect(row).toContainText("succeeded");
  await row.getByRole("link", { name: "tide", exact: true }).click();
  await expect(page.getByRole("region", { name: "What the next run would read" })).toContainText("SELECT");
  await expect(page.getByRole("img", { name: /^2 commits from/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "Commits" }).getByRole("row")).toHaveCount(3);
  await expect(page.getByRole("region", { name: "Commits" })).toContainText("1,200");
  await picture(page, "watermark-history");
});

test("the graph of triggers shows what starts what, and its table turns them off and on and runs them", async ({ page }) => {
  await page.goto("/triggers");
  const graph = page.getByRole("region", { name: "What starts what" });
  await expect(graph.getByRole("link", { name: "tide" })).toBeVisible();
  await expect(graph).toContainText("cron 15 2 * * * in Europe/Berlin");
  await expect(graph).toContainText("success, all");
  await expect(graph).toContainText("succeeded");
  await page.getByRole("button", { name: "Turn off tide/behind" }).click();
  await expect(page.getByRole("button", { name: "Turn on tide/behind" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Fire tide/behind now" })).toHaveCount(0);
  await page.getByRole("button", { name: "Turn on tide/behind" }).click();
  await page.getByRole("button", { name: "Fire tide/behind now" }).click();
  await expect(page.getByRole("row", { name: /tide\/behind/ })).toContainText("succeeded");
  await picture(page, "triggers-graph");
  await graph.getByRole("link", { name: "tide" }).click();
  await expect(page.getByRole("heading", { name: "tide", level: 1 })).toBeVisible();
});
