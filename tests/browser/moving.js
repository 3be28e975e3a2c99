// Ways through the diagram: jumps, keys, wheel, drag; and that it stays quick.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { open, screenshot, settled, shownWindow } = require("./browser");

const WHOLE = { from: 0, to: 30 };

test("a click on a broken promise jumps to its moment in the diagram", async () => {
  const page = await open();
  assert.deepEqual(await shownWindow(page), WHOLE);
  await page.getByRole("button", { name: "Show in the diagram" }).nth(1).click();
  const { from, to } = await shownWindow(page);
  assert.ok(from > 15 && to < 19 && from < 17.05 && to > 17.05, `${from} to ${to}`);
  assert.equal(await page.locator("#details h3").textContent(), "Broken: visibility exclusivity");
  assert.equal(await page.evaluate(() => document.activeElement.id), "lanes");
  await page.close();
});

test("a click on a call of a story, of the table or of a log line jumps to it", async () => {
  for (const [link, title] of [
    [".violations .calls .moment", /^SendMessage, call/],
    ["#operations .moment", /, call 0$/],
    ["#logs .moment", /^n1 said$/],
  ]) {
    const page = await open();
    const moment = page.locator(link).first();
    const at = parseFloat(await moment.textContent());
    await moment.click();
    const { from, to } = await shownWindow(page);
    assert.ok(from <= at && at <= to && to - from < 0.5, `${from} to ${to}`);
    assert.match(await page.locator("#details h3").textContent(), title);
    await page.close();
  }
});

test("keys zoom, move, and show the whole run again", async () => {
  const page = await open();
  await page.locator("#lanes").focus();
  await page.keyboard.press("+");
  assert.deepEqual(await shownWindow(page), { from: 7.5, to: 22.5 });
  await page.keyboard.press("+");
  await page.keyboard.press("ArrowRight");
  assert.deepEqual(await shownWindow(page), { from: 12.188, to: 19.688 });
  await page.keyboard.press("-");
  assert.equal((await shownWindow(page)).to, 23.438);
  await page.keyboard.press("0");
  assert.deepEqual(await shownWindow(page), WHOLE);
  await page.close();
});

test("keys step through the lanes and what is in them", async () => {
  const page = await open();
  const told = async (key) => {
    await page.keyboard.press(key);
    await settled(page);
    return page.locator("#details h3").textContent();
  };
  await page.locator("#lanes").focus();
  assert.equal(await told("n"), "Fault #1: power-loss");
  assert.equal(await told("n"), "Fault #2: slow-link");
  assert.equal(await told("p"), "Fault #1: power-loss");
  await page.keyboard.press("ArrowDown");
  assert.equal(await told("n"), "n1: follower");
  assert.equal(await told("n"), "n1: candidate");
  await page.keyboard.press("Escape");
  await settled(page);
  assert.equal(await page.locator("#details h3").count(), 0);
  await page.close();
});

test("the wheel scrolls the page, and zooms once the diagram is held; a drag moves it", async () => {
  const page = await open();
  const canvas = page.locator("#lanes");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const [x, y] = [box.x + 500, box.y + 100];
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, -100);
  assert.deepEqual(await shownWindow(page), WHOLE);
  await canvas.focus();
  const held = await canvas.boundingBox();
  await page.mouse.move(held.x + 500, held.y + 100);
  await page.mouse.wheel(0, -800);
  await page.waitForFunction(() => !document.querySelector("#diagram .tools output").textContent.startsWith("0.000 s to 30"));
  const zoomed = await shownWindow(page);
  assert.ok(zoomed.to - zoomed.from < 15, `${zoomed.from} to ${zoomed.to}`);
  await page.mouse.down();
  await page.mouse.move(held.x + 400, held.y + 100, { steps: 5 });
  await page.mouse.up();
  assert.ok((await shownWindow(page)).from > zoomed.from);
  await page.close();
});

test("a drag across the overview chooses that part", async () => {
  const page = await open();
  await page.locator("#overview").scrollIntoViewIfNeeded();
  const box = await page.locator("#overview").boundingBox();
  const at = (share) => box.x + 112 + share * (box.width - 113);
  await page.mouse.move(at(0.3), box.y + 10);
  await page.mouse.down();
  await page.mouse.move(at(0.4), box.y + 10, { steps: 4 });
  await page.mouse.up();
  const { from, to } = await shownWindow(page);
  assert.ok(Math.abs(from - 9) < 0.2 && Math.abs(to - 12) < 0.2, `${from} to ${to}`);
  await page.close();
});

test("what lies under the pointer is told beside the diagram: roles, calls and RPCs", async () => {
  const page = await open();
  await page.locator("#logs .moment").nth(1).click();
  await settled(page);
  const box = await page.locator("#lanes").boundingBox();
  const told = new Set();
  for (let y = 30; y < box.height && told.size < 4; y += 6) {
    for (let x = 130; x < box.width; x += 80) {
      await page.mouse.move(box.x + x, box.y + y);
      const title = await page.locator("#details h3").textContent({ timeout: 1000 });
      if (/: leader$/.test(title)) told.add("role");
      if (/, call \d+$/.test(title)) told.add("call");
      if (/: n\d → n\d$/.test(title)) told.add("rpc");
      if (/^The log of/.test(title)) told.add("progress");
    }
  }
  assert.deepEqual([...told].sort(), ["call", "progress", "role", "rpc"]);
  await page.close();
});

test("a kind of RPC can be left out of the diagram", async () => {
  const page = await open();
  const picture = () => page.locator("#lanes").screenshot();
  const before = await picture();
  await page.getByLabel("append", { exact: true }).uncheck();
  await settled(page);
  assert.notDeepEqual(await picture(), before);
  await page.close();
});

test("50,000 RPCs and 20,000 calls are drawn in well under a second a frame, at every zoom", async () => {
  const page = await open("large");
  const [rpcs, calls] = await page.evaluate(() =>
    ["RPCs", "Calls"].map((name) =>
      Number([...document.querySelectorAll(".facts div")].find((it) => it.firstChild.textContent === name)
        .lastChild.textContent.replaceAll(",", ""))));
  assert.ok(rpcs >= 50_000 && calls >= 20_000, `${rpcs} RPCs, ${calls} calls`);
  await page.locator("#lanes").focus();
  const frames = await page.evaluate(async () => {
    const canvas = document.getElementById("lanes");
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const took = [];
    for (const key of ["0", ..."+++++++++++", "ArrowLeft", "ArrowRight", ..."------", "0"]) {
      await frame();
      const from = performance.now();
      canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
      await frame();
      await frame();
      took.push(Math.round(performance.now() - from));
    }
    return took;
  });
  console.log(`# frames took ${frames.join(", ")} ms`);
  assert.ok(Math.max(...frames) < 1000, `${frames}`);
  await screenshot(page, "large");
  await page.close();
});
