/** UTF-8, which the engine has no codec for. */

const REPLACEMENT = 0xfffd;

/** Text to bytes. A lone surrogate becomes the replacement character. */
export function encode(text: string): Uint8Array {
  // Most texts are ASCII: guess so, and grow only when it was wrong.
  let bytes = new Uint8Array(text.length);
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    let point = text.charCodeAt(index);
    if (point >= 0xd800 && point < 0xe000) {
      const whole = text.codePointAt(index) as number;
      if (whole > 0xffff) index++;
      point = whole > 0xffff ? whole : REPLACEMENT;
    }
    if (length + 4 > bytes.length) {
      const larger = new Uint8Array((bytes.length + 4) * 2);
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
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
  return bytes.subarray(0, length);
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
