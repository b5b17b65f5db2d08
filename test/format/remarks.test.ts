/**
 * Remarks: what is written is read again, and an archive without any has no word for them.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRemarks, REMARK_KINDS, remarkColumns } from '../../src/format/remarks.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';

const remark = fc.record({
  about: fc.constantFrom(...REMARK_KINDS),
  path: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  headerOffset: fc.nat().map((record) => record * 512),
  reason: fc.string(),
});

describe('a table of remarks', () => {
  test('is read as it was written, whatever bytes names have', () => {
    fc.assert(
      fc.property(fc.array(remark), (remarks) => {
        expect(decodeRemarks(encodeTable(remarkColumns(remarks), new Map()))).toEqual(remarks);
      }),
    );
  });

  test('that is none is refused', () => {
    expect(() => decodeRemarks(Buffer.from('no table'))).toThrow(
      expect.objectContaining({ code: 'damaged-sub-index' }) as Error,
    );
  });
});
