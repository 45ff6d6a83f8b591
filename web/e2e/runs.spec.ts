import { expect, test } from "@playwright/test";

import { exec, server } from "./server";

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
  await expect(page.getByRole("heading", { name: "Run of slow" })).toBeVisible();
  await expect(page.getByText("running", { exact: true })).toBeVisible();
  await server("stop");
  try {
    await expect(page.getByText("The server cannot be reached.")).toBeVisible();
  } finally {
    await server("start"); // for the tests behind this one too
  }
  await expect(page.getByText("succeeded", { exact: true })).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText("The server cannot be reached.")).toBeHidden();
  await expect(page.getByRole("region", { name: "Result" })).toContainText("3,000");
});
