import { type Page, expect, test } from "@playwright/test";

import { exec } from "./server";

// A server whose config is empty, beside a source: its host, port, user and database.
test.use({ baseURL: process.env.CONSOLE_EMPTY_URL });
const [host = "", port = "", user = "", database = ""] = (process.env.CONSOLE_SOURCE ?? "").split(" ");

async function secret(page: Page, variable: string) {
  await page.getByLabel("Password is in").selectOption("an environment variable");
  await page.getByLabel("Name of the environment variable of the password").fill(variable);
}

test("a pipeline is made from an empty config, and loads all rows", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("link", { name: "Make the first one" }).click();
  await expect(page.getByRole("heading", { name: "New pipeline" })).toBeVisible();

  // Mistakes are told at the field, and the first of them has the focus.
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.getByLabel("Name", { exact: false }).first()).toBeFocused();
  await expect(page.getByText("this is needed")).toHaveCount(3);
  await page.getByLabel("Name (needed)").fill("shop");
  await page.getByLabel("Host (needed)").fill(host);
  await page.getByLabel("Port").fill("70000");
  await page.getByLabel("User (needed)").fill(user);
  await page.getByLabel("Database").fill(database);
  await secret(page, "no variable!");
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.getByText("a port is from 1 to 65535")).toBeVisible();
  await expect(page.getByText("never the password itself", { exact: false }).first()).toBeVisible();
  await expect(page.getByLabel("Port")).toHaveAttribute("aria-invalid", "true");

  // A wrong password has a diagnosis.
  await page.getByLabel("Port").fill(port);
  await secret(page, "HOME");
  await page.getByRole("button", { name: "Test" }).click();
  const check = page.getByRole("status", { name: "Check of shop" });
  await expect(check).toContainText("It does not work.");
  await expect(check.getByRole("listitem").filter({ hasText: "tcp" })).toContainText("listens");
  await expect(check.getByRole("listitem").filter({ hasText: "login" })).toContainText("Access denied");
  await secret(page, "SITE_PASSWORD");
  await page.getByRole("button", { name: "Test" }).click();
  await expect(check).toContainText("It works");
  await page.getByRole("button", { name: "Save connection" }).click();

  // One of many tables.
  await expect(page.getByText("253 tables")).toBeVisible();
  await expect(page.getByText("53 more: type a part of the name.")).toBeVisible();
  await page.getByLabel("Find a table").fill("order");
  await page.getByLabel("Find a table").press("Enter");

  // There is no lake yet.
  await expect(page.getByRole("heading", { name: "Where the rows go" })).toBeVisible();
  await expect(page.getByLabel("Name (needed)")).toHaveValue("lake");
  await page.getByLabel("Folder (needed)").fill("lake");
  await page.getByRole("button", { name: "Save connection" }).click();

  // What is proposed, and why.
  const proposal = page.getByRole("region", { name: "Proposal" });
  await expect(proposal).toContainText("The server sets changed at each change.");
  await expect(proposal.getByLabel("Mode")).toHaveValue("merge");
  await expect(proposal.getByLabel("Key")).toHaveValue("id");
  await expect(proposal.getByLabel("Name")).toHaveValue("orders");
  await expect(page.getByLabel("YAML of the pipeline")).toContainText("cursor: changed");
  await expect(page.getByRole("region", { name: "Plan", exact: true })).toContainText("3,000 rows");
  await proposal.getByLabel("Name").fill("Orders!");
  await expect(proposal).toContainText("a name has lower-case letters");
  await expect(page.getByRole("button", { name: "Save and run" })).toBeDisabled();
  await proposal.getByLabel("Name").fill("orders");
  await page.getByRole("button", { name: "Save and run" }).click();

  await expect(page.getByRole("heading", { name: "Run of orders" })).toBeVisible();
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible();
  await expect(page.getByRole("region", { name: "Result" })).toContainText("3,000 loaded");
});

test("what is proposed is changed, and opened on the canvas", async ({ page }) => {
  await page.goto("/pipelines");
  await page.getByRole("link", { name: "New pipeline" }).click();
  await page.getByRole("button", { name: "shop" }).click();
  await page.getByLabel("Find a table").fill("orders");
  await page.getByRole("button", { name: `${database}.orders` }).click();
  const proposal = page.getByRole("region", { name: "Proposal" });
  const yaml = page.getByLabel("YAML of the pipeline");
  await expect(yaml).toContainText("# the server sets changed");
  await proposal.getByLabel("Name").fill("every_version");
  await proposal.getByLabel("Table in the lake").fill("shop.every_version");
  await proposal.getByLabel("Mode").selectOption("append: every version of a row");
  await proposal.getByLabel("Cursor").selectOption("id (integer)");
  await expect(proposal).toContainText("New rows are found, later changes of a row are not");
  await expect(yaml).toContainText("cursor: id");
  await expect(yaml).not.toContainText("#");
  await expect(page.getByRole("region", { name: "Plan", exact: true })).toContainText("shop.every_version, a new table");
  await page.getByRole("button", { name: "Open on the canvas" }).click();
  await expect(page).toHaveURL(/\/pipelines\/every_version\/visual$/);
  expect(await page.evaluate(() => sessionStorage.getItem("draft:every_version"))).toContain("mode: append");
  await page.goBack();
  await page.getByRole("button", { name: "Change the table" }).click();
  await expect(page.getByLabel("Find a table")).toBeVisible();

  await page.getByRole("button", { name: `${database}.plain`, exact: true }).or(page.getByLabel("Find a table")).first().waitFor();
  await page.getByLabel("Find a table").fill("plain");
  await page.getByRole("button", { name: `${database}.plain` }).click();
  await expect(proposal.getByLabel("Mode")).toHaveValue("replace");
  await proposal.getByLabel("Mode").selectOption("merge: the newest version by key");
  await expect(proposal).toContainText("only replace does without a cursor");
  await proposal.getByLabel("Key").fill("nothing");
  await expect(proposal).toContainText("the table has no column nothing");
  await proposal.getByLabel("Mode").selectOption("replace: the whole table, each run");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("heading", { name: "plain" })).toBeVisible();
});

test("the story: orders without a key are built on the canvas, loaded, counted, and one more", async ({ page }) => {
  await page.goto("/new");
  await page.getByRole("button", { name: "shop" }).click();
  await page.getByLabel("Find a table").fill("story");
  await page.getByRole("button", { name: `${database}.story` }).click();
  await expect(page.getByRole("region", { name: "Proposal" }).getByLabel("Mode")).toHaveValue("append");
  await page.getByRole("button", { name: "Open on the canvas" }).click();
  const toolbar = page.getByRole("toolbar", { name: "Add to the pipeline" });
  const schema = page.getByRole("list", { name: "Output schema" });
  const preview = page.getByRole("region", { name: "Data preview" });
  await expect(preview).toContainText("COMPLETE");
  await toolbar.getByRole("button", { name: "Change Schema" }).click();
  await page.getByLabel("Target column of order_status").fill("status");
  await expect(preview.getByRole("columnheader", { name: "status", exact: true })).toBeVisible();
  await toolbar.getByRole("button", { name: "SQL Query" }).click();
  await page.getByLabel("SQL", { exact: true }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText("SELECT *, lower(status) AS small FROM rows");
  await expect(schema).toContainText("small");
  await expect(preview).toContainText("complete");
  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("Changes of the YAML")).toContainText("rename: status");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();

  const counted = async (rows: string) => {
    await page.getByRole("button", { name: /Run (now|again)/ }).click();
    await expect(page.getByRole("heading", { name: "Run of story" })).toBeVisible();
    await expect(page.getByRole("region", { name: "Result" })).toContainText(`${rows} loaded`);
    const run = page.url();
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Query" }).click();
    await page.getByRole("textbox", { name: "SQL" }).click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText(`SELECT count(*) AS n FROM ${table} WHERE small = lower(status)`);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect(page.getByRole("gridcell", { name: rows.replace(",", "") })).toBeVisible();
    await page.goto(run);
  };
  const spec = (await (await page.request.get("/api/v1/pipelines/story/spec")).json()) as { yaml: string };
  const table = /table: (\S+\.story)/.exec(spec.yaml.replaceAll(/[{},]/g, " ").split("target")[1] ?? "")?.[1] ?? "";
  await counted("68,883");
  await exec(`INSERT INTO ${database}.story (order_id, order_status) VALUES (68884, 'COMPLETE')`);
  await counted("68,884");
});

test("connections are tried, changed and removed", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Connections" }).click();
  const shop = page.getByRole("row", { name: /^shop/ });
  await expect(shop).toContainText(`mysql://${host}:${port} as ${user}`);
  await expect(shop).toContainText("orders");
  await page.getByRole("button", { name: "Test shop" }).click();
  await expect(page.getByRole("status", { name: "Check of shop" })).toContainText("It works");

  // What is used stays.
  await page.getByRole("link", { name: "shop", exact: true }).click();
  await expect(page.getByLabel("Database")).toHaveValue(database);
  await expect(page.getByLabel("Name of the environment variable of the password")).toHaveValue("SITE_PASSWORD");
  await page.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("dialog")).toContainText("change these first");
  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByText("More settings").click();
  await page.getByLabel("Rows per second at most").fill("7");
  await page.getByRole("button", { name: "Save connection" }).click();
  await expect(page.getByLabel("Rows per second at most")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Rows per second at most").fill("50000");
  await page.getByRole("button", { name: "Save connection" }).click();
  await expect(page.getByRole("heading", { name: "Connections" })).toBeVisible();

  // A name is there once; what nobody uses is removed, once somebody has said so again.
  await page.getByRole("link", { name: "New connection" }).click();
  await page.getByLabel("S3 bucket").check();
  await page.getByLabel("Folder", { exact: false }).first().check();
  await page.getByLabel("Name (needed)").fill("lake");
  await page.getByLabel("Folder (needed)").fill("other");
  await page.getByRole("button", { name: "Save connection" }).click();
  await expect(page.getByText("there is a connection of this name already")).toBeVisible();
  await page.getByLabel("Name (needed)").fill("spare");
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.getByRole("status", { name: "Check of spare" })).toContainText("one of two writers wins");
  await page.getByRole("button", { name: "Save connection" }).click();
  await page.getByRole("link", { name: "spare" }).click();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("button", { name: "Remove spare" }).click();
  await expect(page.getByRole("heading", { name: "Connections" })).toBeVisible();
  await expect(page.getByRole("row", { name: /^spare/ })).toHaveCount(0);
});
