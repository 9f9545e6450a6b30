// Clauses about what scratches what, as bounds of the hardness. As in identify/scratch_parser.py.
//
// A scratch test is {tool, isActive, isNegated}: whether the specimen was to scratch the tool, and whether there was no
// scratch.

import { fullMatch, pattern, replaceAll } from "./patterns.js";
import { oneSpace } from "./typed_text.js";

export function scratchBound({ tool, isActive, isNegated }) {
  return isActive !== isNegated ? [tool.low, null] : [null, tool.high];
}

// Null if the clause is not about scratching, or negates twice.
export function parseScratch(tables, typed) {
  const { easily, negation, patterns } = tables.patterns.scratch;
  const clause = pattern(negation).test(typed) ? typed : oneSpace(replaceAll(easily, typed, ""));
  for (const { pattern: source, is_active: isActive } of patterns) {
    const match = fullMatch(source, clause);
    if (match) {
      const negations = [match.groups.no, match.groups.cannot].filter(Boolean);
      if (negations.length === 2) return null;
      return { tool: findTool(tables, match.groups.tool), isActive, isNegated: negations.length === 1 };
    }
  }
  return null;
}

// A clause without a verb that continues another one, as in `not glass`, `by a knife`.
export function continueScratch(tables, clause, previous, isAfterBut) {
  const match = fullMatch(tables.patterns.scratch.continuation, clause);
  if (!match || (match.groups.by && previous.isActive)) return null;
  const isNegated = match.groups.no ? true : previous.isNegated && !isAfterBut;
  if (!match.groups.no && isAfterBut && !previous.isNegated) return null;
  return { tool: findTool(tables, match.groups.tool), isActive: previous.isActive, isNegated };
}

function findTool(tables, name) {
  return tables.patterns.scratch.tools.find((tool) => fullMatch(tool.names, name));
}
