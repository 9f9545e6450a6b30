// P(outcome | class) of each physical test for the classes of a model, from the tables. It is computed once per model.

import { intervalRow } from "./likelihood.js";

const made = new WeakMap();

// {tables, classes, rows}: rows[test] has a row [C] for each outcome of tables.outcomes[test]; NaN if the fact is unknown.
export function tableOf(tables) {
  if (!made.has(tables)) made.set(tables, { tables, classes: tables.minerals.classes, rows: makeRows(tables) });
  return made.get(tables);
}

function makeRows(tables) {
  return Object.fromEntries(
    Object.entries(tables.outcomes).map(([test, outcomes]) => [
      test,
      test in tables.observers.scales
        ? outcomes.map((interval) => intervalRow(tables, test, interval))
        : outcomes.map((_, number) => listedRow(tables.likelihoods[test], number)),
    ]),
  );
}

const listedRow = ({ columns, of_class: ofClass }, number) =>
  ofClass.map((column) => (column === null ? NaN : columns[column][number]));
