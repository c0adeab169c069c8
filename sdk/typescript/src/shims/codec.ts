/** UTF-8 under the names that libraries know. */
import { decode, encode } from "../text.ts";

export class TextEncoder {
  readonly encoding = "utf-8";
  encode(text = ""): Uint8Array {
    return encode(text);
  }
}

export class TextDecoder {
  readonly encoding = "utf-8";
  constructor(label = "utf-8") {
    if (!/^(utf-?8|unicode-1-1-utf-8)$/i.test(label)) throw new RangeError(`"${label}" is not supported, only UTF-8 is`);
  }
  decode(bytes?: ArrayBuffer | ArrayBufferView): string {
    if (bytes === undefined) return "";
    return decode(ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes));
  }
}
