// Every test of the report page and of the console, in one browser.

const { after, before } = require("node:test");
const browser = require("./browser");

before(browser.start);
after(browser.stop);

require("./safety");
require("./reading");
require("./moving");
require("./tables");
require("./looks");
require("./simulator");
require("./console");
require("./queues");
require("./lessons");
