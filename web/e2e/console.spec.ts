import AxeBuilder from "@axe-core/playwright";
import { type Page, expect, test } from "@playwright/test";

const control = process.env.CONSOLE_CONTROL ?? "";

// exec executes statements in the source's database; server stops and starts the server.
const exec = async (sql: string) => ask("exec", sql);
const server = async (what: "stop" | "start") => ask(what, "");

async function ask(path: string, body: string) {
  const got = await fetch(`${control}/${path}`, { method: "POST", body });
  if (!got.ok) throw new Error(await got.text());
}

async function login(page: Page, name: string, password: string) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("a run is started, followed to its end, and found again", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Home" })).toBeVisible();
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Pipelines" }).click();
  await page.getByRole("link", { name: "orders", exact: true }).click();
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByRole("heading", { name: "Run of orders" })).toBeVisible();
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible();
  await expect(page.getByRole("region", { name: "Result" })).toContainText("2,000");
  await expect(page.getByLabel("Log")).toContainText("committed");
  const id = page.url().split("/").at(-1) ?? "";

  await exec("INSERT INTO orders VALUES (5000, '2024-02-01')");
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible();
  await expect(page.getByRole("region", { name: "Result" })).toContainText("2,001 loaded");

  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Runs" }).click();
  await page.getByLabel("Pipeline").fill("orders");
  await page.getByRole("link", { name: `run ${id}` }).click();
  await expect(page.getByRole("region", { name: "Result" })).toContainText("2,000");
});

test("a run that fails says why, first of all at home", async ({ page }) => {
  await page.goto("/pipelines/broken");
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByRole("alert")).toContainText("nothing");
  await page.goto("/");
  await expect(page.getByRole("heading", { name: /Needs a look/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "broken" })).toContainText("failed");
});

test("triggers are turned off and on, and fire", async ({ page }) => {
  await page.goto("/triggers");
  await page.getByRole("button", { name: "Turn off orders/night" }).click();
  await expect(page.getByRole("button", { name: "Turn on orders/night" })).toBeVisible();
  await page.getByRole("button", { name: "Turn on orders/night" }).click();
  await page.getByRole("button", { name: "Fire orders/night now" }).click();
  await expect(page.getByRole("row", { name: /orders\/night/ })).toContainText("succeeded");
});

test("the spec, the watermark and the list of watermarks", async ({ page }) => {
  await page.goto("/pipelines/orders/spec");
  await expect(page.getByLabel("YAML of the pipeline")).toContainText("cursor: at");
  await page.getByRole("link", { name: "Watermark", exact: true }).click();
  await expect(page.getByText("2024-02-01 00:00:00").first()).toBeVisible();
  await page.goto("/watermarks");
  await expect(page.getByRole("row", { name: /orders/ })).toContainText("2024-02-01 00:00:00");
});

test("a page goes on by itself behind a restart of the server", async ({ page }) => {
  await exec("CREATE TABLE slow AS SELECT seq AS id, CAST('2024-01-01' AS DATETIME) + INTERVAL seq SECOND AS moment, REPEAT('x', 9000) AS pad FROM seq_1_to_3000");
  await exec("ALTER TABLE slow ADD PRIMARY KEY (id), ADD KEY (moment)");
  await page.goto("/pipelines/slow");
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByText("running", { exact: true })).toBeVisible();
  await server("stop");
  await expect(page.getByText("The server cannot be reached.")).toBeVisible();
  await server("start");
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText("The server cannot be reached.")).toBeHidden();
  await expect(page.getByRole("region", { name: "Result" })).toContainText("3,000");
});

const pages = ["/", "/pipelines", "/pipelines/orders", "/pipelines/orders/spec", "/pipelines/orders/triggers", "/pipelines/orders/watermark", "/runs", "/triggers", "/watermarks", "/nothing"];

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

test("who may only look sees no button that he may not press, and logs out", async ({ page }) => {
  await ask("user", "");
  await page.goto("/pipelines/orders");
  await login(page, "ben", "is-not-the-password");
  await expect(page.getByRole("alert")).toContainText("wrong");
  await login(page, "ben", "correct-horse-battery");
  await expect(page.getByRole("heading", { name: "orders" })).toBeVisible();
  await expect(page.getByText("viewer").or(page.getByText("ben"))).toBeVisible();
  await expect(page.getByRole("button", { name: "Run now" })).toHaveCount(0);
  await page.goto("/triggers");
  await expect(page.getByRole("row", { name: /orders\/night/ })).toBeVisible();
  await expect(page.getByRole("button", { name: /Turn|Fire/ })).toHaveCount(0);
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByLabel("Password")).toBeVisible();
});
