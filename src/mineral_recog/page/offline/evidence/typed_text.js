// What people type: one spelling for the parsers, and the error for the rest. As in identify/typed_text.py.

import { replaceAll } from "./patterns.js";

const SPACES = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+"; // of Python
const MAX_SHOWN = 42; // characters of a value in an error

export class EvidenceError extends Error {
  constructor(field, language, english, chinese) {
    super(language === "zh" ? chinese : english);
    this.name = "EvidenceError";
    this.field = field;
  }
}

export const strip = (text) => replaceAll(`^${SPACES}|${SPACES}$`, text, "");
export const oneSpace = (text) => strip(replaceAll(SPACES, text, " "));

// Lower case, ASCII digits, single spaces, and `not` for all negations; "" if it is too long.
export function normalise(tables, text) {
  const typed = tables.patterns.typed;
  if ([...text].length > typed.max_length) return "";
  let plain = replaceAll(typed.invisible, text, "");
  plain = replaceAll(typed.powers, plain, (power) => `^${power.normalize("NFKC")}`);
  plain = replaceAll(typed.fraction_signs, plain, (sign) => ` ${sign.normalize("NFKC")}`);
  plain = [...plain.normalize("NFKC")].map((character) => typed.folded[character] ?? character.toLowerCase()).join("");
  plain = plain.replaceAll("⁄", "/"); // fraction slash
  plain = replaceAll(typed.not, plain, "not").replaceAll("unscratched", "not scratched");
  return strip(oneSpace(plain).replace(/[.。!]+$/u, ""));
}

export function notUnderstood(tables, test, value, language) {
  const expected = tables.expected[test];
  const shown = quoted(value);
  const excerpt = [...shown].length <= MAX_SHOWN ? shown : `${[...shown].slice(0, MAX_SHOWN - 1).join("")}…`;
  return new EvidenceError(
    test,
    language,
    `${test} ${excerpt} is not understood: ${expected.en}.`,
    `${test} ${excerpt} 无法理解：${expected.zh}。`,
  );
}

// A text in quotation marks, as Python writes it.
export function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  return mark + [...text].map((character) => escaped(character, mark)).join("") + mark;
}

function escaped(character, mark) {
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", [mark]: `\\${mark}` }[character];
  if (short || character === " " || !/[\p{C}\p{Z}]/u.test(character)) return short ?? character;
  const code = character.codePointAt(0);
  const [sign, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${sign}${code.toString(16).padStart(digits, "0")}`;
}

// A number with so many digits, as Python's format `g` writes it: exact halves go to the even digit.
export function general(number, digits = 6) {
  if (number === 0) return "0";
  const [mantissa, exponent] = Math.abs(number).toExponential(100).split("e");
  const all = mantissa.replace(".", "");
  const isEvenHalf = /^50*$/.test(all.slice(digits)) && "02468".includes(all[digits - 1]);
  const kept = `${all[0]}.${all.slice(1, digits)}e${exponent}`;
  const rounded = isEvenHalf ? Number(kept) * Math.sign(number) : Number(number.toPrecision(digits));
  const power = Number(rounded.toExponential().split("e")[1]);
  if (power >= -4 && power < digits) return String(rounded);
  const [head, tail] = rounded.toExponential().split("e");
  return `${head}e${tail[0]}${tail.slice(1).padStart(2, "0")}`;
}
