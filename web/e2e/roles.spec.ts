import { type Page, expect, test } from "@playwright/test";

import { users } from "./server";

async function login(page: Page, name: string, password: string) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("who may only look sees no button that he may not press, and logs out", async ({ page }) => {
  await users();
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
  await page.goto("/connections");
  await expect(page.getByRole("row", { name: /^shop/ })).toBeVisible();
  await expect(page.getByRole("button", { name: /Test/ })).toHaveCount(0);
  await expect(page.getByRole("link", { name: /^(shop|New connection)$/ })).toHaveCount(0);
  await page.goto("/new");
  await expect(page.getByText("Pipelines are made by an admin.")).toBeVisible();
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByLabel("Password")).toBeVisible();
});
