import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";

const pages = [
  "/",
  "/pipelines",
  "/pipelines/orders",
  "/pipelines/orders/visual",
  "/pipelines/orders/spec",
  "/pipelines/orders/checks",
  "/pipelines/orders/triggers",
  "/pipelines/orders/watermark",
  "/runs",
  "/triggers",
  "/watermarks",
  "/catalog",
  "/catalog/lake/shop.asked",
  "/catalog/lake/shop.asked/partitions",
  "/catalog/lake/shop.asked/snapshots",
  "/catalog/lake/shop.asked/files",
  "/catalog/lake/shop.asked/recipes",
  "/catalog/lake/shop.asked/preview",
  "/catalog/lake/shop.nothing",
  "/query",
  "/pipelines/tide/watermark",
  "/runs?pipeline=orders&state=failed&since=1h",
  "/runs/compare",
  "/users",
  "/audit",
  "/password",
  "/connections",
  "/connections/new",
  "/connections/shop",
  "/new",
  "/new?connection=shop",
  "/new?connection=shop&table=orders",
  "/nothing",
];

// Colours and widths are each looked at once, in all pairs only where somebody wants the pictures.
const looks = [
  { colorScheme: "light", width: 1440, axe: true },
  { colorScheme: "dark", width: 390, axe: true },
  { colorScheme: "light", width: 390, axe: false },
  { colorScheme: "dark", width: 1440, axe: false },
] as const;

for (const path of pages) {
  test(`nothing keeps anybody from using ${path}`, async ({ page }) => {
    const foreign: string[] = [];
    page.on("request", (r) => {
      if (!r.url().startsWith(process.env.CONSOLE_URL ?? "") && !r.url().startsWith("data:")) foreign.push(r.url());
    });
    for (const { colorScheme, width, axe } of looks.filter((l) => l.axe || process.env.CONSOLE_PICTURES)) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.goto(path);
      await expect(page.locator("h1")).toBeVisible();
      await expect(page.getByText("Loading…")).toHaveCount(0);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, `the page is wider than ${width}`).toBeLessThanOrEqual(0);
      const name = `${path.replaceAll("/", "_")}-${colorScheme}-${width}.png`;
      await page.screenshot({ path: `${process.env.CONSOLE_OUTPUT}/${name}`, fullPage: true });
      if (!axe) continue;
      const found = await new AxeBuilder({ page }).analyze();
      const serious = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
      expect(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`)).toEqual([]);
    }
    expect(foreign).toEqual([]);
  });
}
