// Writes a ZIP file without compression, since photos are compressed already.

const MAX_FILES = 65_535;
const MAX_BYTES = 4e9; // more needs ZIP64, which some programs do not read
const UTF8_NAMES = 0x0800;
const DATE = 0x0021; // 1 January 1980
const CRCS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function checksum(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRCS[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// Little-endian numbers given as [value, number of bytes].
function numbers(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  let position = 0;
  for (const [value, size] of fields) {
    for (let byte = 0; byte < size; byte += 1) bytes[position + byte] = Math.floor(value / 256 ** byte) % 256;
    position += size;
  }
  return bytes;
}

// Return a ZIP of files [path, Blob]. Throws a RangeError if they are too many or too large.
export async function makeZip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [path, blob] of files) {
    const name = new TextEncoder().encode(path);
    const crc = checksum(new Uint8Array(await blob.arrayBuffer()));
    // Version 2.0, names in UTF-8, no compression, time and date, checksum, both sizes, length of the name, no extra.
    const facts = [[20, 2], [UTF8_NAMES, 2], [0, 2], [0, 2], [DATE, 2], [crc, 4], [blob.size, 4], [blob.size, 4], [name.length, 2], [0, 2]];
    const header = numbers([0x04034b50, 4], ...facts);
    directory.push(numbers([0x02014b50, 4], [20, 2], ...facts, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), name);
    parts.push(header, name, blob);
    offset += header.length + name.length + blob.size;
  }
  if (files.length > MAX_FILES || offset > MAX_BYTES) throw new RangeError("too large for a ZIP file");
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
