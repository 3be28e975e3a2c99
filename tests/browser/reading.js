// What a reader is told, from top to bottom.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { open } = require("./browser");

test("the headline tells the verdict, the seed to its last digit, and the line that runs it again", async () => {
  const page = await open();
  assert.equal(await page.locator("h1").textContent(), "leader-power-loss");
  assert.equal(await page.title(), "leader-power-loss: 2 promises were broken · zonemq");
  assert.equal(await page.locator(".verdict").textContent(), "2 promises were broken");
  assert.match(await page.locator(".facts").textContent(), /Seed18446744073709551557/);
  assert.match(await page.locator("#replay").textContent(), /^cargo sim run .* --seed 18446744073709551557 --only 1,2$/);
  await page.close();
});

test("the button copies the line that runs it again, or selects it where a page may not copy", async () => {
  const page = await open();
  const line = await page.locator("#replay").textContent();
  const copy = page.locator(".replay button");
  await copy.click();
  await page.waitForFunction((button) => button.textContent !== "Copy", await copy.elementHandle());
  if ((await copy.textContent()) !== "Copied") {
    assert.equal(await page.evaluate(() => getSelection().toString()), line);
  }
  await page.close();
});

test("a run that kept every promise says so, and has no counterexample", async () => {
  const page = await open("pass");
  assert.equal(await page.locator(".verdict").textContent(), "Every promise was kept");
  assert.equal(await page.locator("#counterexample").isVisible(), false);
  await page.close();
});

test("each broken promise has its story and its calls", async () => {
  const page = await open();
  const stories = page.locator(".violations > li");
  assert.equal(await stories.count(), 2);
  assert.match(await stories.nth(0).textContent(), /Broken: no loss.*was acknowledged/);
  assert.match(await stories.nth(0).locator(".calls").textContent(), /SendMessage by c\d in zone .: orders-6: m-4711a/);
  assert.equal(await stories.nth(1).locator(".calls li").count(), 2);
  await page.close();
});

test("the longest gap of each zone is at least as long as the election took", async () => {
  const page = await open();
  const gaps = await page.locator("#availability .gap").allTextContents();
  assert.equal(gaps.length, 3);
  for (const gap of gaps) assert.ok(parseFloat(gap) >= 1.1 && parseFloat(gap) < 4, gap);
  await page.close();
});

test("coverage tells what never happened, and the end what was left out", async () => {
  const page = await open();
  assert.match(await page.locator("#coverage").textContent(), /messages delayed1,204snapshots interruptednever/);
  assert.equal(await page.locator("#left-out li").count(), 2);
  await page.close();
});

test("headings make an outline, landmarks and controls have names", async () => {
  const page = await open();
  const levels = await page.evaluate(() => [...document.querySelectorAll("h1, h2, h3")].map((it) => Number(it.tagName[1])));
  assert.equal(levels.filter((level) => level === 1).length, 1);
  levels.forEach((level, index) => assert.ok(level <= (levels[index - 1] ?? 0) + 1, `${levels}`));
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, nav, aside, canvas:not(.sample), section, [role=region]")]
      .filter((it) => !it.ariaLabel && !it.labels?.length && !it.hasAttribute("aria-labelledby") && !it.textContent.trim())
      .map((it) => it.outerHTML));
  assert.deepEqual(nameless, []);
  for (const landmark of ["banner", "navigation", "main", "complementary"]) {
    assert.equal(await page.getByRole(landmark).count(), 1, landmark);
  }
  await page.close();
});
