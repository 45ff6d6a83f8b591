import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";

const pages = ["/", "/pipelines", "/pipelines/orders", "/pipelines/orders/visual", "/pipelines/orders/spec", "/pipelines/orders/checks", "/pipelines/orders/triggers", "/pipelines/orders/watermark", "/runs", "/triggers", "/watermarks", "/nothing"];

for (const path of pages) {
  test(`nothing keeps anybody from using ${path}`, async ({ page }) => {
    const foreign: string[] = [];
    page.on("request", (r) => {
      if (!r.url().startsWith(process.env.CONSOLE_URL ?? "") && !r.url().startsWith("data:")) foreign.push(r.url());
    });
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(path);
        await expect(page.locator("h1")).toBeVisible();
        await expect(page.getByText("Loading…")).toBeHidden();
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(overflow, `the page is wider than ${width}`).toBeLessThanOrEqual(0);
        const name = `${path.replaceAll("/", "_")}-${scheme}-${width}.png`;
        await page.screenshot({ path: `${process.env.CONSOLE_OUTPUT}/${name}`, fullPage: true });
        if ((width === 1440) !== (scheme === "light")) continue; // colours and widths are each looked at once
        const found = await new AxeBuilder({ page }).analyze();
        const serious = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
        expect(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`)).toEqual([]);
      }
    }
    expect(foreign).toEqual([]);
  });
}
