// P(outcome | class) of each physical test for the classes of a model, from the tables. It is computed once per model.

import { intervalRow } from "./likelihood.js";

const made = new WeakMap();

// {tables, classes, rows, shares}: rows[test] has a row [C] for each outcome of tables.outcomes[test], NaN if the fact is
// unknown; shares[test] are the rows as `sharesOf` gives them.
export function tableOf(tables) {
  if (!made.has(tables)) {
    const rows = makeRows(tables);
    const shares = Object.fromEntries(Object.entries(rows).map(([test, ofTest]) => [test, sharesOf(ofTest)]));
    made.set(tables, { tables, classes: tables.minerals.classes, rows, shares });
  }
  return made.get(tables);
}

// Rows over their sum for each class: the outcome is known to be one of them.
export function sharesOf(rows) {
  const totals = rows[0].map(() => 0);
  for (const row of rows) row.forEach((likelihood, label) => (totals[label] += likelihood));
  return rows.map((row) => row.map((likelihood, label) => likelihood / totals[label]));
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
