// The lessons of the console, each played to its end on a real cluster by its buttons.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { closeQuiet, openAt, screenshot, settled } = require("./browser");
const { clusterOfSuite } = require("./cluster");
const { faintTexts } = require("./contrast");

// What each must have seen, beyond what it checks itself.
const LESSONS = {
  quorum: /n\d gave no 200 to “without a majority” within 2\.\d\d s\./,
  "leader-loss": /n\d led in term \d+; n\d leads in term \d+ now; n\d says of itself that it is a/,
  minority: /n\d gave no 200 to “to the old leader” within 2\.\d\d s\./,
  visibility: /“a job” came after \d\.\d\d s; its receive count is 2\./,
  fifo: /“second”, “third” came\./,
  "lost-response": /“pay 10”, “pay 10” came\./,
};
// The buttons that break something.
const FAULTS = ["Take it away", "Cut it off", "Lose its answers"];
// An election and a busy machine.
const STEP_MILLIS = 40_000;

describe("lessons", () => {
  const cluster = clusterOfSuite();

  const open = async (hash, options) => {
    const page = await openAt(cluster.address(`/console#${hash}`), options);
    await page.waitForFunction(() => /3 of 3 nodes answer; n\d leads/.test(document.getElementById("state").textContent));
    return page;
  };

  const close = (page) => closeQuiet(page, cluster.address("/"));

  const faults = () => JSON.parse(cluster.zonemq("fault", "status", "--json")).faults;
  const queues = async () => (await cluster.sqs("ListQueues", { QueueNamePrefix: "learn-" })).QueueUrls ?? [];

  const begin = async (page) => {
    await page.getByRole("button", { name: "Begin" }).click();
    await page.locator("#lesson-steps > li").first().waitFor();
  };

  // Presses the button of the step that is reached; what was seen.
  const step = async (page, number) => {
    const item = page.locator("#lesson-steps > li").nth(number - 1);
    const button = item.getByRole("button");
    assert.equal(await button.count(), 1, `step ${number} has a button`);
    // Of a fault it is told before the act what should follow.
    if (FAULTS.includes(await button.textContent())) {
      const foretold = item.locator(".expected li").first();
      await foretold.waitFor();
      assert.match(await foretold.textContent(), /^\d of 3 voters|^At most \d of 3 voters/);
      if (number === 4) await screenshot(page, "lesson-foretold", { fullPage: true });
    }
    await button.press("Enter");
    await page.waitForFunction((at) => /^[✓✗]/.test(document.querySelectorAll("#lesson-steps [role=status]")[at].textContent), number - 1, { timeout: STEP_MILLIS });
    const seen = await item.locator("[role=status]").textContent();
    assert.match(seen, /^✓ Seen: /, `step ${number}`);
    assert.match(await item.locator(".why").textContent(), /^Why: ./);
    return seen;
  };

  const isOver = async (page) => {
    await page.getByText("The end of the lesson.").waitFor();
    assert.deepEqual(faults(), []);
    assert.deepEqual(await queues(), []);
  };

  const names = Object.keys(LESSONS);
  for (const [lesson, expected] of Object.entries(LESSONS)) {
    test(`${lesson} is played to its end by its buttons, sees what it teaches, and leaves nothing`, async () => {
      const page = await open("learn");
      await page.locator(`#lessons a[href='#learn=${lesson}']`).click();
      await begin(page);
      const steps = Number(/^Step 1 of (\d+)$/.exec(await page.locator("#lesson-place").textContent())[1]);
      const seen = [];
      for (let number = 1; number <= steps; number += 1) {
        seen.push(await step(page, number));
        if (number === 5) await screenshot(page, `lesson-${lesson}`, { fullPage: true });
      }
      console.log(`${lesson}:\n  ${seen.join("\n  ")}`);
      assert.ok(seen.some((words) => expected.test(words)), `${expected}`);
      await isOver(page);
      // The one that builds on it has the focus, where there is one.
      const following = names[names.indexOf(lesson) + 1];
      const focused = await page.evaluate(() => document.activeElement.getAttribute("href") ?? document.activeElement.textContent);
      assert.equal(focused, following === undefined ? "Begin again" : `#learn=${following}`);
      await screenshot(page, `lesson-${lesson}-end`, { fullPage: true });
      await close(page);
    });
  }

  test("a step that is not fulfilled says what was seen, and is tried again", async () => {
    const page = await open("learn=visibility");
    await begin(page);
    await step(page, 1);
    // Somebody else takes the queue away: nothing can be sent to it.
    const [QueueUrl] = await queues();
    await cluster.sqs("DeleteQueue", { QueueUrl });
    const item = page.locator("#lesson-steps > li").nth(1);
    page.complaints = [];
    await item.getByRole("button", { name: "Send" }).click();
    await item.getByText("✗ Not yet: “a job” was refused").waitFor();
    // The browser notes that the answer was 400.
    assert.ok(page.complaints.every((complaint) => /400/.test(complaint)), `${page.complaints}`);
    page.complaints = [];
    await cluster.sqs("CreateQueue", { QueueName: QueueUrl.split("/").at(-1), Attributes: { VisibilityTimeout: "2" } });
    await item.getByRole("button", { name: "Try again" }).click();
    await item.getByText("✓ Seen: n").waitFor();
    await page.getByRole("button", { name: "End the lesson" }).click();
    await page.getByText("The lesson has ended.").waitFor();
    assert.deepEqual(await queues(), []);
    await close(page);
  });

  test("a lesson does not begin where something is broken, and what it broke is mended when another is chosen", async () => {
    cluster.zonemq("fault", "slow", "n1-n2", "--latency", "1ms", "--no-watch");
    const page = await open("learn=minority");
    await page.getByRole("button", { name: "Begin" }).click();
    await page.getByText("A lesson begins on a cluster in which all is well, and something is broken on purpose").waitFor();
    cluster.zonemq("fault", "heal");
    await page.waitForFunction(() => {
      document.getElementById("lesson-begin").click();
      return document.querySelectorAll("#lesson-steps > li").length === 1;
    });
    await step(page, 1);
    await step(page, 2);
    assert.equal(faults().length, 1);
    // The other views show what the lesson did, and the lesson waits.
    await page.keyboard.press("1");
    await page.locator("#topology .link.cut").first().waitFor({ state: "attached" });
    await page.keyboard.press("6");
    assert.equal(await page.locator("#lesson-steps > li").count(), 3);
    await page.locator("#lessons a[href='#learn=fifo']").click();
    await page.waitForFunction(() => document.getElementById("lesson-title").textContent === "FIFO order across a failover");
    assert.deepEqual(faults(), []);
    assert.deepEqual(await queues(), []);
    await close(page);
  });

  test("a page that is closed within a lesson leaves nothing broken", async () => {
    const page = await open("learn=minority");
    await begin(page);
    await step(page, 1);
    await step(page, 2);
    await page.goto("about:blank");
    const until = Date.now() + 20_000;
    while (faults().length > 0 || (await queues()).length > 0) assert.ok(Date.now() < until, "it is mended and removed");
    await page.close();
  });

  for (const dark of [false, true]) {
    for (const [width, name] of [[1280, "wide"], [390, "phone"]]) {
      const look = `${dark ? "dark" : "light"}-${name}`;
      test(`a lesson runs over no edge, and its text stands out: ${look}`, async () => {
        const page = await open("learn=quorum", { dark, width });
        await begin(page);
        for (let number = 1; number <= 4; number += 1) await step(page, number);
        await settled(page);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(over <= 0, `${over} pixels too wide`);
        assert.deepEqual(await page.evaluate(faintTexts), []);
        await screenshot(page, `lesson-${look}`);
        await page.getByRole("button", { name: "End the lesson" }).click();
        await page.getByText("The lesson has ended.").waitFor();
        await close(page);
      });
    }
  }
});
