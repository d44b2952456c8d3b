/**
 * TFRecord files: a record is its length (uint64, little endian), a checksum of those eight bytes,
 * the bytes, and a checksum of them.
 *
 * https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */

/** x^32 + x^28 + ... of Castagnoli, with its bits in reverse (RFC 3720, 12.1). */
const CASTAGNOLI = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ CASTAGNOLI : remainder >>> 1;
  }
  return remainder;
});

/** CRC-32C of bytes, from 0 to 2^32 − 1. */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** {@link crc32c}, turned and moved so that a checksum of checksums does not cancel out. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const LENGTH_BYTES = 8;
const CHECKSUM_BYTES = 4;
const HEADER_BYTES = LENGTH_BYTES + CHECKSUM_BYTES;

/** A record with these bytes. */
export function frameRecord(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + bytes.length + CHECKSUM_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(LENGTH_BYTES, maskedCrc32c(record.subarray(0, LENGTH_BYTES)), true);
  record.set(bytes, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + bytes.length, maskedCrc32c(bytes), true);
  return record;
}

/** The bytes of every whole record, up to the first that is torn or damaged. */
export function* wholeRecords(file: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 0; at + HEADER_BYTES <= file.length;) {
    const header = file.subarray(at, at + LENGTH_BYTES);
    if (view.getUint32(at + LENGTH_BYTES, true) !== maskedCrc32c(header)) return;
    const start = at + HEADER_BYTES;
    const end = start + Number(view.getBigUint64(at, true));
    if (end + CHECKSUM_BYTES > file.length) return;
    const bytes = file.subarray(start, end);
    if (view.getUint32(end, true) !== maskedCrc32c(bytes)) return;
    yield bytes;
    at = end + CHECKSUM_BYTES;
  }
}
