/**
 * Reads a flatbuffer, the encoding of Arrow's metadata: tables whose slots hold numbers, structs, or offsets of
 * strings, vectors and other tables. A reference that leads out of the buffer is refused before it is followed. Layout:
 * "FlatBuffers Internals" of the FlatBuffers documentation.
 */
import { viewOf } from '../zstd/skippable-frame.ts';

/** Vtables are shared, and a writer may share strings. So a reader may follow this many times the metadata's bytes. */
const SHARING = 4;

/** What the slots of a table refer to. Slots with scalars are left out, because they refer to nothing. */
export interface Shape {
  [slot: number]: Reference;
}
export type Reference =
  /** A vector of elements with this many bytes each. A string is a vector of single bytes. */
  | { elementLength: number }
  | { table: Shape }
  /** A vector of tables. */
  | { tables: Shape }
  /** A table. The number in another slot says which shape it has; if there is no such shape, it has no references. */
  | { typeSlot: number; shapes: Record<number, Shape> };

/** One flatbuffer. DataView refuses reads outside of it. */
export class Flatbuffer {
  readonly view: DataView;
  private budget: number;

  constructor(bytes: Uint8Array) {
    this.view = viewOf(bytes);
    this.budget = SHARING * bytes.byteLength;
  }

  /** Position of what a slot of a table holds; undefined if the slot is empty. */
  field(table: number, slot: number): number | undefined {
    const vtable = table - this.view.getInt32(table, true);
    const entry = 4 + 2 * slot;
    if (entry >= this.view.getInt16(vtable, true)) return undefined;
    const offset = this.view.getInt16(vtable + entry, true);
    return offset === 0 ? undefined : table + offset;
  }

  /** The number in a slot of a table; 0 if the slot is empty. */
  uint8(table: number, slot: number): number {
    const position = this.field(table, slot);
    return position === undefined ? 0 : this.view.getUint8(position);
  }

  int16(table: number, slot: number): number {
    const position = this.field(table, slot);
    return position === undefined ? 0 : this.view.getInt16(position, true);
  }

  int32(table: number, slot: number): number {
    const position = this.field(table, slot);
    return position === undefined ? 0 : this.view.getInt32(position, true);
  }

  int64(table: number, slot: number): bigint {
    const position = this.field(table, slot);
    return position === undefined ? 0n : this.view.getBigInt64(position, true);
  }

  /** Position that the offset at `position` points to. */
  follow(position: number): number {
    return position + this.view.getInt32(position, true);
  }

  /** Position of the table that a slot refers to; undefined if the slot is empty. */
  table(table: number, slot: number): number | undefined {
    const position = this.field(table, slot);
    return position === undefined ? undefined : this.follow(position);
  }

  /** Positions of the tables of the vector that a slot refers to; none if the slot is empty. */
  tables(table: number, slot: number): number[] {
    const { first, count } = this.vector(table, slot);
    return Array.from({ length: count }, (_, i) => this.follow(first + 4 * i));
  }

  /** The string that a slot refers to; '' if the slot is empty. */
  text(table: number, slot: number): string {
    const { first, count } = this.vector(table, slot);
    return Buffer.from(this.view.buffer, this.view.byteOffset + first, count).toString('utf8');
  }

  /** Position of the first element of the vector that a slot refers to, and how many there are. */
  vector(table: number, slot: number): { first: number; count: number } {
    const position = this.field(table, slot);
    if (position === undefined) return { first: 0, count: 0 };
    return { first: this.follow(position) + 4, count: this.vectorLength(position) };
  }

  /** Number of elements of the vector that the offset at `position` points to. */
  vectorLength(position: number): number {
    return this.view.getInt32(this.follow(position), true);
  }

  /** Refuses a table if it, or anything that it refers to, is not within the metadata. */
  check(table: number, shape: Shape): void {
    this.spend(4);
    // Every table has the offset of its vtable, and every vtable has its own length.
    this.field(table, 0);
    for (const [slot, reference] of Object.entries(shape) as [string, Reference][]) {
      const position = this.field(table, Number(slot));
      if (position === undefined) continue;
      if ('table' in reference) this.check(this.follow(position), reference.table);
      else if ('typeSlot' in reference) {
        const shape = reference.shapes[this.uint8(table, reference.typeSlot)];
        this.check(this.follow(position), shape ?? {});
      } else if ('tables' in reference) {
        this.checkVector(position, 4);
        const first = this.follow(position) + 4;
        const count = this.vectorLength(position);
        for (let i = 0; i < count; i++) this.check(this.follow(first + 4 * i), reference.tables);
      } else this.checkVector(position, reference.elementLength);
    }
  }

  private checkVector(position: number, elementLength: number): void {
    const count = this.vectorLength(position);
    const end = this.follow(position) + 4 + count * elementLength;
    if (count < 0 || end > this.view.byteLength)
      throw new RangeError(`a vector of ${count} elements is cut short`);
    this.spend(4 + count * elementLength);
  }

  /** Many references may lead to the same table, even from itself, so the sum of all followed bytes is limited. */
  private spend(bytes: number): void {
    this.budget -= bytes;
    if (this.budget < 0) throw new RangeError('its metadata refers to the same bytes too often');
  }
}
