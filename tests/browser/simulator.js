// Reports of the simulator itself: a run that kept every promise, and one in which a planted bug was caught.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { open, screenshot, settled, shownWindow, simulated } = require("./browser");

test("a run in which leaders are killed shows each kill, who led, and how long nobody could send", async () => {
  const page = await open(simulated("leader-kill"));
  assert.equal(await page.locator(".verdict").textContent(), "Every promise was kept");
  assert.match(await page.locator("#replay").textContent(), /replay leader-kill --seed 1$/);
  for (const gap of await page.locator("#availability .gap").allTextContents()) {
    assert.match(gap, /^[\d.]+ m?s$/);
  }
  await page.locator("#lanes").focus();
  await page.keyboard.press("n");
  await settled(page);
  assert.match(await page.locator("#details h3").textContent(), /^Fault #0: kill$/);
  assert.deepEqual(page.complaints, []);
  await screenshot(page, "leader-kill");
  await page.close();
});

test("a planted bug that was caught is told with the calls that show it", async () => {
  const page = await open(simulated("everything", "--plant", "group-lock-lost"));
  const story = page.locator(".violations > li").first();
  assert.match(await story.textContent(), /Broken: group order.*group g\d of ordered\.fifo/);
  const calls = await story.locator(".calls li").allTextContents();
  assert.ok(calls.some((call) => /SendMessage/.test(call)) && calls.some((call) => /ReceiveMessage/.test(call)), `${calls}`);
  const certain = parseFloat((await story.textContent()).match(/Certain since ([\d.]+) s/)[1]);
  await story.getByRole("button", { name: "Show in the diagram" }).click();
  const { from, to } = await shownWindow(page);
  assert.ok(from <= certain && certain <= to && to - from < 2, `${certain} is not in ${from} to ${to}`);
  assert.deepEqual(page.complaints, []);
  await screenshot(page, "caught", { fullPage: true });
  await page.close();
});
