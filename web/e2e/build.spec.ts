import { type Page, expect, test } from "@playwright/test";

import { exec } from "./server";

test.describe.configure({ mode: "serial" });

const draft = `# What the shop sells.
source: {connection: shop, table: sales, cursor: at} # read at night
target: {connection: lake, table: shop.sales} # the landing
`;

// begin opens a pipeline that is in no config yet, as the page for new ones hands it over.
async function begin(page: Page) {
  await page.goto("/");
  await page.evaluate((text) => sessionStorage.setItem("draft:sales", text), draft);
  await page.goto("/pipelines/sales/visual");
}

async function write(page: Page, label: string, text: string) {
  await page.getByLabel(label, { exact: true }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

const schema = (page: Page) => page.getByRole("list", { name: "Output schema" });
const preview = (page: Page) => page.getByRole("region", { name: "Data preview" });
const toolbar = (page: Page) => page.getByRole("toolbar", { name: "Add to the pipeline" });
const tab = (page: Page, name: string) => page.getByRole("navigation", { name: "About the pipeline" }).getByRole("link", { name });
const node = (page: Page, name: RegExp) => page.getByRole("group", { name: "Canvas" }).getByRole("button", { name });

async function query(page: Page, sql: string): Promise<string> {
  const got = await page.request.post("/api/v1/query", { data: { sql } });
  return got.text();
}

test("a pipeline is built on the canvas, saved and run", async ({ page }) => {
  await exec("CREATE TABLE sales (id INT PRIMARY KEY, at DATETIME NOT NULL, status VARCHAR(20), price DECIMAL(10,2), note TEXT, KEY (at))");
  await exec("INSERT INTO sales SELECT seq, '2024-01-01', IF(seq % 2, 'paid', 'open'), seq + 0.5, 'x' FROM seq_1_to_300");
  await begin(page);
  await expect(page.getByText("This pipeline is not in the config yet.")).toBeVisible();
  await expect(node(page, /Target/)).toContainText("lake: shop.sales");
  await expect(preview(page)).toContainText("paid");
  await expect(schema(page)).toContainText("decimal(10,2)");

  await toolbar(page).getByRole("button", { name: "Change Schema" }).click();
  await page.getByLabel("Target column of status").fill("state");
  await page.getByLabel("Type of price").selectOption("int");
  await expect(page.getByText("digits behind the point do not fit")).toBeVisible();
  await expect(node(page, /Change Schema/)).toContainText("does not fit");
  await page.getByLabel("Type of price").selectOption("double");
  await page.getByLabel("Drop note").check();
  await expect(schema(page)).toContainText("state");
  await expect(schema(page)).toContainText("was decimal(10,2)");
  await expect(schema(page)).toContainText("was status");
  await expect(schema(page).getByText("note")).toBeVisible();
  await expect(preview(page).getByRole("columnheader", { name: "note" })).toHaveCount(0);

  await toolbar(page).getByRole("button", { name: "SQL Query" }).click();
  await write(page, "SQL", "SELECT *, price * 2 AS twice FROM rows");
  await expect(schema(page)).toContainText("twice");
  await expect(preview(page).getByRole("cell", { name: "41", exact: true })).toBeVisible();
  await write(page, "SQL", "SELECT *,\n  nothing FROM rows");
  await expect(page.getByRole("alert").filter({ hasText: "Line 2, column 3" })).toContainText("nothing");
  await expect(page.locator(".cm-lintRange-error")).toHaveText("nothing FROM rows");
  await write(page, "SQL", "SELECT *, price * 2 AS twice FROM rows WHERE sta");
  await page.keyboard.press("ControlOrMeta+Space");
  await page.getByRole("option", { name: "statestring" }).click(); // the column, with its type
  await page.keyboard.insertText(" = 'paid'");
  await expect(node(page, /SQL Query/)).toContainText("WHERE state = 'paid'");
  await expect(schema(page)).toContainText("twice");

  await toolbar(page).getByRole("button", { name: "Checks" }).click();
  await expect(page.getByRole("button", { name: "not_null(id) stop" })).toBeVisible();
  await page.getByRole("button", { name: "Add a check" }).click();
  await page.getByLabel("Kind").selectOption("range");
  await page.getByLabel("Column", { exact: true }).fill("twice");
  await page.getByLabel("Greatest").fill("590");
  await page.getByLabel("When it fails").selectOption("warn");
  await expect(node(page, /Checks/)).toContainText("not_null(id), range(twice)");

  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = page.getByRole("dialog", { name: "Add sales to the config" });
  await expect(dialog.getByLabel("Changes of the YAML")).toContainText("+ # What the shop sells.");
  await expect(dialog.getByRole("region", { name: "Columns of the plan" })).toContainText("twice");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText("not in the config yet")).toBeHidden();
  await tab(page, "Spec").click();
  const yaml = page.getByLabel("YAML of the pipeline");
  for (const comment of ["# What the shop sells.", "# read at night", "# the landing"]) await expect(yaml).toContainText(comment);
  await expect(yaml).toContainText("status: {rename: state}");

  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible();
  expect(await query(page, "SELECT count(*) AS n, max(twice) AS m FROM shop.sales WHERE state = 'paid'")).toMatch(/150.*599/);
  await page.goto("/pipelines/sales/checks");
  const found = page.getByRole("region", { name: "What the last runs found" });
  await expect(found.getByRole("row", { name: /not_null\(id\)/ })).toContainText("passed");
  await expect(found.getByRole("row", { name: /range\(twice\)/ })).toContainText("warned of 3");
});

test("the text and the canvas are one draft, and what is no YAML is not saved", async ({ page }) => {
  await page.goto("/pipelines/sales/spec");
  const yaml = page.getByLabel("YAML of the pipeline");
  await expect(yaml).toContainText("shop.sales");
  await write(page, "YAML of the pipeline", `${draft}transforms:\n  - name: only paid # ones\n    sql: SELECT * FROM rows\n`);
  await tab(page, "Visual").click();
  await expect(node(page, /only paid/)).toBeVisible();
  await expect(node(page, /Change Schema/)).toHaveCount(0);
  await expect(page.getByText("There are unsaved changes.")).toBeVisible();

  // By the keyboard alone: another step, moved before the first one, and removed.
  await toolbar(page).getByRole("button", { name: "Change Schema" }).focus();
  await page.keyboard.press("Enter");
  const added = node(page, /Change Schema/);
  await expect(added).toHaveAttribute("aria-pressed", "true");
  await added.focus();
  await page.keyboard.press("Delete");
  await expect(added).toHaveCount(0);
  await node(page, /only paid/).click();
  await toolbar(page).getByRole("button", { name: "SQL Query" }).click();
  await page.getByRole("button", { name: "Move earlier" }).click();
  await expect(page.getByRole("group", { name: "Canvas" }).getByRole("button").nth(1)).toContainText("SQL Query");
  await tab(page, "Spec").click();
  await expect(yaml).toContainText("- name: only paid # ones");

  await write(page, "YAML of the pipeline", "source: {connection: shop\ntarget: [");
  await expect(page.getByRole("alert", { name: "Problems" })).toContainText("Line 2");
  await expect(page.getByRole("button", { name: "Review and save" })).toBeDisabled();
  await tab(page, "Visual").click();
  await expect(page.getByText("There is nothing to draw.")).toBeVisible();
  await tab(page, "Spec").click();
  await write(page, "YAML of the pipeline", `${draft}transfroms: []\n`);
  await expect(page.getByRole("alert", { name: "Problems" })).toContainText("Line 4");
  await page.reload();
  await expect(yaml).toContainText("transfroms");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("button", { name: "Throw them away" }).click();
  await expect(yaml).toContainText("twice");
});

test("what somebody else has saved meanwhile is not overwritten unseen", async ({ page }) => {
  await page.goto("/pipelines/sales/visual");
  await node(page, /Target/).click();
  await page.getByLabel("Partitions").fill("day(at)");
  const theirs = await page.request.put("/api/v1/pipelines/sales", { data: { yaml: `${draft}priority: 3\n` } });
  expect(theirs.ok()).toBeTruthy();
  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = page.getByRole("dialog", { name: "Save sales" });
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert").filter({ hasText: "Somebody else" })).toBeVisible();
  await dialog.getByRole("button", { name: "Look again" }).click();
  await expect(dialog.getByLabel("Changes of the YAML")).toContainText("− priority: 3");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText("There are unsaved changes.")).toBeHidden();
  await tab(page, "Spec").click();
  await expect(page.getByLabel("YAML of the pipeline")).toContainText("day(at)");
});
