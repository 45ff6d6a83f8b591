import { readFile } from "node:fs/promises";

import AxeBuilder from "@axe-core/playwright";
import { type Page, expect, test } from "@playwright/test";

import { exec } from "./server";

const base = process.env.CONSOLE_URL ?? "";
const mod = "Control";

async function load(rows: number) {
  const begun = await call("POST", "/api/v1/pipelines/asked/runs");
  const id = (begun.runs as { id: string }[])[0]?.id ?? "";
  await expect.poll(async () => (await call("GET", `/api/v1/runs/${id}`)).state, { timeout: 120_000 }).toBe("succeeded");
  const answer = await call("POST", "/api/v1/query", { sql: "SELECT count(*) FROM shop.asked" });
  expect(answer.rows).toEqual([[rows]]);
}

async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const got = await fetch(base + path, { method, body: body === undefined ? undefined : JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} });
  if (!got.ok) throw new Error(`${method} ${path}: ${got.status} ${await got.text()}`);
  return (await got.json()) as Record<string, unknown>;
}

async function write(page: Page, sql: string) {
  const editor = page.getByRole("textbox", { name: "SQL" });
  await editor.click();
  await page.keyboard.press(`${mod}+A`);
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(sql);
}

async function run(page: Page, sql: string) {
  await write(page, sql);
  await page.keyboard.press(`${mod}+Enter`);
}

const status = (page: Page) => page.getByRole("tabpanel", { name: "Result" }).getByRole("status");

test("a table of its own is loaded", async () => {
  await exec(
    "CREATE TABLE asked (id INT PRIMARY KEY, big BIGINT UNSIGNED NOT NULL, price DECIMAL(30,10), note VARCHAR(40) COMMENT 'what the customer said', at DATETIME NOT NULL, KEY (at))",
  );
  await exec("INSERT INTO asked SELECT seq, 18446744073709551615 - seq, seq + 0.0000000001, 'plain', '2024-01-01' FROM seq_1_to_300");
  await exec(`UPDATE asked SET note = CASE id WHEN 1 THEN NULL WHEN 2 THEN '' ELSE 'says "a", b\nand c' END WHERE id < 4`);
  await call("PUT", "/api/v1/pipelines/asked", { yaml: "source: {connection: shop, table: asked, cursor: at}\ntarget: {connection: lake, table: shop.asked}\n" });
  await load(300);
});

test("a count is asked for, by button and by keyboard", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Query" }).click();
  await page.getByRole("button", { name: "Insert shop.asked" }).click();
  await expect(page.getByRole("textbox", { name: "SQL" })).toContainText("shop.asked");
  await write(page, "SELECT count(*) AS n FROM shop.asked");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.getByRole("gridcell", { name: "300" })).toBeVisible();
  await expect(status(page)).toContainText("1 row in");
  await expect(status(page)).toContainText("of 1 files");
  await run(page, "SELECT count(*) + 1 AS n FROM shop.asked");
  await expect(page.getByRole("gridcell", { name: "301" })).toBeVisible();
});

test("digits stay, NULL is no empty text, and numbers stand to the right", async ({ page }) => {
  await page.goto("/query");
  await run(page, "SELECT id, big, price, note FROM shop.asked ORDER BY id");
  const first = page.getByRole("row").filter({ has: page.getByRole("gridcell", { name: "18446744073709551614" }) });
  await expect(first.getByRole("gridcell")).toHaveText(["1", "18446744073709551614", "1.0000000001", "NULL"]);
  const second = page.getByRole("row").filter({ has: page.getByRole("gridcell", { name: "18446744073709551613" }) });
  await expect(second.getByRole("gridcell").nth(3)).toHaveText("");
  await expect(first.getByRole("gridcell").nth(1)).toHaveCSS("text-align", "right");
  await expect(page.getByRole("columnheader", { name: /price/ })).toContainText("decimal(30,10)");
});

test("a mistake is shown at its place, also in a selection", async ({ page }) => {
  await page.goto("/query");
  await run(page, "SELECT id,\n  pryce\nFROM shop.asked");
  await expect(page.getByRole("alert")).toContainText("pryce");
  await expect(page.locator(".cm-lintRange-error")).toHaveText("pryce");
  await write(page, "SELECT 1 AS one;\nSELECT nothing_here FROM shop.asked");
  await expect(page.locator(".cm-lintRange-error")).toHaveCount(0);
  await page.keyboard.press("Shift+Home");
  await page.getByRole("button", { name: "Run the selection" }).click();
  await expect(page.locator(".cm-lintRange-error")).toContainText("nothing_here");
  await expect(page.getByRole("alert")).toContainText("line 2, column 8:");
});

test("only the selection is run, or else each statement", async ({ page }) => {
  await page.goto("/query");
  await write(page, "SELECT 'first; one' AS a;\n-- between\nSELECT 'second' AS b");
  await page.keyboard.press("Shift+Home");
  await page.keyboard.press(`${mod}+Enter`);
  await expect(page.getByRole("gridcell", { name: "second" })).toBeVisible();
  await expect(page.getByLabel("Statement")).toHaveCount(0);
  await page.keyboard.press("End");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByLabel("Statement").selectOption({ index: 0 });
  await expect(page.getByRole("gridcell", { name: "first; one" })).toBeVisible();
});

test("columns and tables are completed", async ({ page }) => {
  await page.goto("/query");
  await expect(page.getByRole("button", { name: "Insert shop.asked" })).toBeVisible();
  await write(page, "SELECT a.pri FROM shop.asked a");
  for (let i = 0; i < " FROM shop.asked a".length; i++) await page.keyboard.press("ArrowLeft");
  await page.keyboard.press(`${mod}+Space`);
  await page.getByRole("option", { name: /price/ }).click();
  await expect(page.getByRole("textbox", { name: "SQL" })).toContainText("SELECT a.price FROM");
  await write(page, "SELECT * FROM shop.as");
  await page.keyboard.press(`${mod}+Space`);
  await page.getByRole("option", { name: /asked/ }).click();
  await expect(page.getByRole("textbox", { name: "SQL" })).toContainText("FROM shop.asked");
  await page.getByRole("button", { name: "Columns of shop.asked" }).click();
  await expect(page.getByRole("button", { name: "Insert price" })).toBeVisible();
});

test("100,000 rows are gone through to the end", async ({ page }) => {
  await page.goto("/query");
  await page.getByLabel("Rows at most").selectOption("100000");
  await run(page, "SELECT * FROM range(100000)");
  await expect(status(page)).toContainText("100,000 rows");
  const grid = page.getByRole("grid", { name: "Rows" });
  await expect(grid).toHaveAttribute("aria-rowcount", "100001");
  await grid.focus();
  await page.keyboard.press(`${mod}+End`);
  await expect(page.getByRole("gridcell", { name: "99999" })).toBeVisible();
  expect(await page.getByRole("row").count()).toBeLessThan(200);
  await page.keyboard.press(`${mod}+Home`);
  await expect(page.getByRole("gridcell", { name: "0", exact: true })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Row 2, range")).toHaveText("1");
});

test("a query that takes too long is cancelled, and the next one runs", async ({ page }) => {
  await page.goto("/query");
  await run(page, "SELECT sum(a.i * b.i) FROM range(1000000000) a(i), range(1000000000) b(i)");
  await expect(page.getByText(/^Running/)).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Cancelled.")).toBeVisible();
  await run(page, "SELECT 'alive' AS it");
  await expect(page.getByRole("gridcell", { name: "alive" })).toBeVisible();
  await page.getByRole("tab", { name: "History" }).click();
  await expect(page.getByRole("table").getByRole("row").nth(2)).toContainText("cancelled");
});

test("history, tabs and saved queries stay behind a reload", async ({ page }) => {
  await page.goto("/query");
  await run(page, "SELECT 41 + 1 AS answer");
  await expect(page.getByRole("gridcell", { name: "42" })).toBeVisible();
  await page.getByRole("button", { name: "Save as…" }).click();
  await page.getByLabel("Name of the query").fill("The answer");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("button", { name: "New tab" }).click();
  await page.reload();
  await expect(page.getByRole("tab", { name: "The answer" })).toBeVisible();
  await page.getByRole("tab", { name: "History" }).click();
  await expect(page.getByRole("row", { name: /41 \+ 1/ })).toContainText("1");
  await page.getByRole("tab", { name: "Saved" }).click();
  await page.getByRole("button", { name: "Open The answer" }).click();
  await expect(page.getByRole("textbox", { name: "SQL" })).toContainText("41 + 1");
  await page.getByRole("tab", { name: "The answer" }).first().press("ArrowRight");
  await page.getByRole("button", { name: "Close this tab" }).click();
  await expect(page.getByRole("tablist", { name: "Queries" }).getByRole("tab")).toHaveCount(1);
});

test("a result is downloaded as CSV and as Parquet", async ({ page }) => {
  await page.goto("/query");
  await run(page, "SELECT id, big, note FROM shop.asked WHERE id < 4 ORDER BY id");
  await expect(status(page)).toContainText("3 rows");
  const csv = await download(page, "Download these rows as CSV");
  expect(csv.toString()).toBe('id,big,note\n1,18446744073709551614,\n2,18446744073709551613,""\n3,18446744073709551612,"says ""a"", b\nand c"\n');
  const parquet = await download(page, "Ask again and download as Parquet");
  expect(parquet.length).toBeGreaterThan(200);
  expect([parquet.toString("latin1", 0, 4), parquet.toString("latin1", parquet.length - 4)]).toEqual(["PAR1", "PAR1"]);
});

async function download(page: Page, button: string): Promise<Buffer> {
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  return readFile(await (await coming).path());
}

test("a result is drawn", async ({ page }) => {
  await page.goto("/query");
  await run(page, "SELECT note, count(*) AS n FROM shop.asked GROUP BY note ORDER BY n DESC");
  await expect(page.getByRole("gridcell", { name: "297" })).toBeVisible();
  await page.getByRole("tab", { name: "Chart" }).click();
  await expect(page.getByRole("img", { name: "bars of n by note: 4 of them, from 1 to 297" })).toBeVisible();
  await page.getByLabel("Kind").selectOption("line");
  await expect(page.getByRole("img", { name: /^line of n by note/ })).toBeVisible();
});

test("the catalog finds a table, and tells of it", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Catalog" }).click();
  await page.getByLabel("Find a table").fill("ask");
  await expect(page.getByRole("row", { name: /shop\.asked/ })).toContainText("300");
  await page.getByRole("link", { name: "shop.asked" }).click();
  await expect(page.getByRole("row", { name: /note/ })).toContainText("what the customer said");
  await page.getByRole("button", { name: "Edit the comment of note" }).click();
  await page.getByLabel("Comment of note").fill("as the customer has typed it");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("row", { name: /note/ })).toContainText("as the customer has typed it");
  await page.reload();
  await expect(page.getByRole("row", { name: /note/ })).toContainText("as the customer has typed it");
  await page.getByRole("link", { name: "Files", exact: true }).click();
  await expect(page.getByRole("img", { name: /^Files by size: 1 of/ })).toBeVisible();
  await page.getByRole("link", { name: "DDL" }).click();
  await expect(page.getByRole("region", { name: "DuckDB" })).toContainText("iceberg_scan");
  await page.getByRole("link", { name: "Partitions" }).click();
  await expect(page.getByText("The table is not partitioned.")).toBeVisible();
  await page.getByRole("link", { name: "Preview" }).click();
  await expect(page.getByRole("grid", { name: "Preview" })).toHaveAttribute("aria-rowcount", "101");
});

test("a snapshot still has the rows of then", async ({ page }) => {
  await exec("INSERT INTO asked VALUES (1000, 1, 1, 'late', '2024-02-01')");
  await load(301);
  await page.goto("/catalog/lake/shop.asked/snapshots");
  await page.getByRole("link", { name: "Query as of commit 1", exact: true }).click();
  const editor = page.getByRole("textbox", { name: "SQL" });
  await expect(editor).toContainText("FOR VERSION AS OF");
  const sql = (await editor.innerText()).replace("*", "count(*) AS n").replace(/ LIMIT 100\s*$/, "");
  await run(page, sql);
  await expect(page.getByRole("gridcell", { name: "300" })).toBeVisible();
  await run(page, "SELECT count(*) AS n FROM shop.asked");
  await expect(page.getByRole("gridcell", { name: "301" })).toBeVisible();
});

for (const [scheme, width] of [["light", 1440], ["dark", 390]] as const) {
  test(`nothing keeps anybody from using a filled editor, ${scheme} at ${width}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await page.goto("/query");
    await run(page, "SELECT id, big, price, note, \"at\", [id, 2] AS list FROM shop.asked ORDER BY id;\nSELECT nothing FROM shop.asked");
    await expect(page.locator(".cm-lintRange-error")).toContainText("nothing");
    await expect(page.getByRole("gridcell", { name: "18446744073709551614" })).toBeVisible();
    for (const tab of ["Result", "Chart", "History", "Saved"]) {
      await page.getByRole("tab", { name: tab }).click();
      await expect(page.getByRole("tabpanel", { name: tab })).toBeVisible();
      await expect(page.getByText("Loading…")).toBeHidden();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, `${tab} is wider than ${width}`).toBeLessThanOrEqual(0);
      await page.screenshot({ path: `${process.env.CONSOLE_OUTPUT}/_query_filled-${tab.toLowerCase()}-${scheme}-${width}.png`, fullPage: true });
      const found = await new AxeBuilder({ page }).analyze();
      const serious = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
      expect(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`)).toEqual([]);
    }
  });
}
