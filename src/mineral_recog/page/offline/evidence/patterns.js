// The regular expressions of the tables. Each is compiled once.

const compiled = new Map();

export function pattern(source, flags = "") {
  const key = `${flags}/${source}`;
  if (!compiled.has(key)) compiled.set(key, new RegExp(source, `u${flags}`));
  return compiled.get(key);
}

export const fullMatch = (source, text) => pattern(`^(?:${source})$`).exec(text);

export const replaceAll = (source, text, replacement) => text.replace(pattern(source, "g"), replacement);
