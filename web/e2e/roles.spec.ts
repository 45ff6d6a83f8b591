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
  await expect(page.getByRole("link", { name: /^(Users|Audit)$/ })).toHaveCount(0);
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

test("an admin lets people and programs in and keeps them out, and reads what was asked", async ({ page }) => {
  await page.goto("/users");
  await login(page, "ann", "correct-horse-battery");
  const ben = page.getByRole("row", { name: /^ben / });
  await expect(ben).toBeVisible();
  const form = page.getByRole("form", { name: "Add a user" });
  await form.getByLabel("Name").fill("cleo");
  await form.getByLabel("Password").fill("another-long-password");
  await form.getByLabel("Role").selectOption("operator");
  await form.getByRole("button", { name: "Add user" }).click();
  await expect(page.getByLabel("Role of cleo")).toHaveValue("operator");
  await page.getByLabel("Role of cleo").selectOption("viewer");
  await expect(page.getByLabel("Role of cleo")).toHaveValue("viewer");
  await page.getByRole("button", { name: "Keep out cleo" }).click();
  await expect(page.getByRole("row", { name: /^cleo / })).toContainText("kept out");
  await page.getByRole("button", { name: "Set a password for ben" }).click();
  await page.getByRole("form", { name: "A password for ben" }).getByLabel("New password").fill("ben-has-got-a-new-one");
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await expect(page.getByRole("form", { name: "A password for ben" })).toHaveCount(0);

  // The last admin stays, and it is said why.
  await page.getByLabel("Role of ann").selectOption("viewer");
  await expect(page.getByRole("alert")).toContainText("admin");

  // A user is removed behind a question alone.
  await page.getByRole("button", { name: "Remove cleo" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "No" }).click();
  await expect(page.getByRole("row", { name: /^cleo / })).toBeVisible();
  await page.getByRole("button", { name: "Remove cleo" }).click();
  await page.getByRole("dialog", { name: "Remove the user cleo?" }).getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("row", { name: /^cleo / })).toHaveCount(0);

  // A token is shown once.
  await page.getByLabel("Name of the token").fill("ci");
  await page.getByLabel("Role of the token").selectOption("operator");
  await page.getByRole("button", { name: "Make token" }).click();
  const secret = (await page.getByRole("region", { name: "The token ci" }).getByRole("code").textContent()) ?? "";
  const got = await fetch(`${process.env.CONSOLE_URL}/api/v1/session`, { headers: { Authorization: `Bearer ${secret}` } });
  expect(await got.json()).toMatchObject({ name: "ci", role: "operator" });
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.getByText(/^Copied|does not allow/)).toBeVisible();
  await page.getByRole("button", { name: "I have it" }).click();
  await expect(page.getByText(secret)).toHaveCount(0);
  await page.getByRole("button", { name: "Take back ci" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await expect(page.getByText("No program has a token.")).toBeVisible();

  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Audit" }).click();
  const log = page.getByRole("region", { name: "Audit log" });
  await expect(log.getByRole("row", { name: /token remove.*ci/ })).toBeVisible();
  await page.getByLabel("Did").fill("user remove");
  await expect(log.getByRole("row")).toHaveCount(2);
  await expect(log.getByRole("row").last()).toContainText("cleo");
  await page.getByLabel("Who").fill("nobody");
  await expect(page.getByText("No entry passes the filter.")).toBeVisible();
});

test("somebody changes the own password, and logs in by it", async ({ page }) => {
  await page.goto("/");
  await login(page, "ben", "ben-has-got-a-new-one");
  await page.getByRole("link", { name: "ben" }).click();
  await page.getByLabel("The password as it is").fill("ben-has-got-a-new-one");
  await page.getByLabel("The new one, of at least 12 characters").fill("bens-own-long-password");
  await page.getByLabel("The new one once more").fill("bens-other-long-password");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByRole("alert")).toContainText("not the same");
  await page.getByLabel("The new one once more").fill("bens-own-long-password");
  await page.getByRole("button", { name: "Change password" }).click();
  await login(page, "ben", "bens-own-long-password");
  await expect(page.getByRole("link", { name: "ben" })).toBeVisible();
});
