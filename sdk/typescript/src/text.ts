/** UTF-8, which the engine has no codec for. */

const REPLACEMENT = 0xfffd;

/** Text to bytes. A lone surrogate becomes the replacement character. */
export function encode(text: string): Uint8Array {
  // Counted first, so that the bytes are written once, into a place that they fill.
  const bytes = new Uint8Array(size(text));
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const point = pointAt(text, index);
    if (point > 0xffff) index++;
    if (point < 0x80) {
      bytes[length++] = point;
    } else if (point < 0x800) {
      bytes[length++] = 0xc0 | (point >> 6);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[length++] = 0xe0 | (point >> 12);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else {
      bytes[length++] = 0xf0 | (point >> 18);
      bytes[length++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes;
}

/** How many bytes a text takes: one per unit below U+0080, two below U+0800, three above, and four for a pair. */
function size(text: string): number {
  let size = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    size += unit < 0x800 ? 1 : 2;
    // The two units of a pair take four bytes together, and two of them are counted already.
    if (unit >= 0xd800 && unit < 0xdc00 && pointAt(text, index) > 0xffff) index++;
  }
  return size;
}

function pointAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  if (unit < 0xd800 || unit >= 0xe000) return unit;
  const point = text.codePointAt(index) as number;
  return point > 0xffff ? point : REPLACEMENT;
}

/** Bytes to text. What is no UTF-8 becomes the replacement character. */
export function decode(bytes: Uint8Array): string {
  const pieces: string[] = [];
  let units: number[] = [];
  let index = 0;
  const next = () => {
    const byte = bytes[index];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return -1;
    index++;
    return byte & 0x3f;
  };
  while (index < bytes.length) {
    const byte = bytes[index++] as number;
    units.push(...(byte < 0x80 ? [byte] : multibyte(byte, next)));
    if (units.length > 4096) {
      pieces.push(String.fromCharCode(...units));
      units = [];
    }
  }
  return pieces.join("") + String.fromCharCode(...units);
}

function multibyte(first: number, next: () => number): number[] {
  const length = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xc2 && first < 0xe0 ? 1 : 0;
  if (length === 0) return [REPLACEMENT];
  let point = first & (0x3f >> length);
  for (let count = 0; count < length; count++) {
    const more = next();
    if (more < 0) return [REPLACEMENT];
    point = (point << 6) | more;
  }
  const least = length === 1 ? 0x80 : length === 2 ? 0x800 : 0x10000;
  if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return [REPLACEMENT];
  if (point < 0x10000) return [point];
  return [0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff)];
}
