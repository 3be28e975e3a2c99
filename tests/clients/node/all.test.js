// Every test of the clients for Node, against one cluster.

const { after, before } = require("node:test");
const cluster = require("./cluster");

before(cluster.up);
after(cluster.down);

require("./conversation");
require("./consumer");
