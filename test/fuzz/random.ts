/**
 * Random choices that come from a seed alone (splitmix32), and random damage to bytes.
 */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** A number from 0 to 2^32 - 1. */
  next(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** A number from 0 to `end` - 1. */
  below(end: number): number {
    return end <= 1 ? 0 : this.next() % end;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** Numbers at the edges of what fields hold. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  8n,
  255n,
  256n,
  511n,
  512n,
  65_535n,
  65_536n,
  131_072n,
  2n ** 27n,
  2n ** 27n + 1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

export function edge(random: Random): bigint {
  return random.chance(4) ? BigInt(random.below(4096)) : random.pick(EDGES);
}

/** The bytes with one to eight things wrong. */
export function mutate(random: Random, input: Buffer): Buffer {
  let bytes = Buffer.from(input);
  for (let left = 1 + random.below(random.chance(4) ? 8 : 2); left > 0; left--) {
    if (bytes.length < 9) return Buffer.concat([bytes, random.bytes(9)]);
    const at = random.below(bytes.length - 8);
    const how = random.below(10);
    if (how < 2) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    else if (how === 2) bytes[at] = random.below(256);
    else if (how === 3) bytes.writeUInt16LE(Number(BigInt.asUintN(16, edge(random))), at);
    else if (how === 4) bytes.writeUInt32LE(Number(BigInt.asUintN(32, edge(random))), at & ~3);
    else if (how === 5) bytes.writeBigUInt64LE(BigInt.asUintN(64, edge(random)), at & ~7);
    else if (how === 6)
      bytes.writeUInt32LE((bytes.readUInt32LE(at & ~3) + random.below(33) - 16) >>> 0, at & ~3);
    else if (how === 7) bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
    else if (how === 8) bytes = Buffer.from(bytes.subarray(0, at));
    else bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(random.below(16)), bytes.subarray(at)]);
  }
  return bytes;
}
