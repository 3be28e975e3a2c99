// Starts all of it, from the top of the page to its end.

headline();
counterexample();
startOverview();
startDiagram();
availability();
progress();
logTable();
operationTable();
coverageTable();
leftOut();
view.changed();
