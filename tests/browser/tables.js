// Tables are filtered and turned.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { open, settled } = require("./browser");

// The cells of one column.
const cells = (table, column) => table.locator(`tbody td:nth-child(${column})`).allTextContents();
const isAll = (texts, wanted) => assert.deepEqual([...new Set(texts)], [wanted]);
const found = async (table) => Number((await table.locator(".pages output").textContent()).match(/^[\d,]+/)[0].replace(",", ""));

test("operations are filtered by client, operation, outcome and text, all at once", async () => {
  const page = await open();
  const table = page.locator("#operations");
  const all = await found(table);
  await table.getByRole("combobox", { name: "Client" }).selectOption("c4");
  isAll(await cells(table, 3), "c4 (a)");
  const ofClient = await found(table);
  await table.getByRole("combobox", { name: "Outcome" }).selectOption("refused");
  isAll(await cells(table, 6), "refused");
  const refused = await found(table);
  assert.ok(all > ofClient && ofClient > refused && refused > 0, `${all} ${ofClient} ${refused}`);
  await table.getByLabel("Queue or text").fill("ORDERS-3");
  for (const words of await cells(table, 5)) assert.match(words, /orders-3/);
  await table.getByLabel("Queue or text").fill("nothing has this");
  assert.equal(await found(table), 0);
  await page.close();
});

test("pages are turned, and a filter begins at the first one", async () => {
  const page = await open();
  const table = page.locator("#operations");
  const first = await cells(table, 2);
  await table.getByRole("button", { name: "Next" }).click();
  assert.equal(Number((await cells(table, 2))[0]), Number(first.at(-1)) + 1);
  await table.getByRole("combobox", { name: "Operation" }).selectOption("SendMessage");
  assert.match(await table.locator(".pages output").textContent(), /page 1 of/);
  await page.close();
});

test("log lines are filtered by node, and by how bad they are at least", async () => {
  const page = await open();
  const table = page.locator("#logs");
  await table.getByRole("combobox", { name: "Level" }).selectOption("WARN");
  assert.deepEqual(new Set(await cells(table, 3)), new Set(["WARN", "ERROR"]));
  await table.getByRole("combobox", { name: "Node" }).selectOption("n3");
  isAll(await cells(table, 2), "n3");
  await page.close();
});

test("a table keeps to what the diagram shows, as it moves", async () => {
  const page = await open();
  const table = page.locator("#operations");
  await page.getByRole("button", { name: "Show in the diagram" }).nth(1).click();
  await table.getByLabel("only what the diagram shows").check();
  const near = await found(table);
  for (const moment of await cells(table, 1)) assert.ok(Math.abs(parseFloat(moment) - 17) < 3, moment);
  await page.getByRole("button", { name: "Whole run" }).click();
  await settled(page);
  assert.ok((await found(table)) > near);
  await page.close();
});
