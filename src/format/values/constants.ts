/**
 * Numbers of the format, version 1. `docs/format.md` gives each of them its name and its reason.
 */

/** Bytes. */
export const MiB = 1024 * 1024;

export const FORMAT_MAJOR = 1;
export const FORMAT_MINOR = 0;

/** POSIX tar works in records of 512 bytes. */
export const TAR_RECORD = 512;

/** Two zero records end a tar stream (POSIX.1-2017, pax, "ustar Interchange Format"). */
export const TAR_END_LENGTH = 2 * TAR_RECORD;

/** Chunks are a multiple of this, so a member's padding never crosses into the next chunk. */
export const CHUNK_GRANULE = TAR_RECORD;

/** Holds a header with pax records for a path and a link target of PATH_MAX each, with room to spare. */
export const MIN_CHUNK_SIZE = 64 * 1024;

/**
 * The most bytes that the headers of one member may have in a tar stream of others. This has room for megabytes of
 * extended attributes, and is little enough to hold in memory. One chunk holds all headers of a member.
 */
export const MAX_HEADERS_LENGTH = 4 * 1024 * 1024;

/** The largest window that a zstd decoder accepts by default (ZSTD_WINDOWLOG_LIMIT_DEFAULT, 27). */
export const MAX_CHUNK_SIZE = 128 * 1024 * 1024;

/**
 * How much longer a blob may be than the stored form of its chunk: header fields and small blocks of other compressors.
 */
export const MAX_BLOB_EXCESS = 1024;

/** RFC 8878 §3.1.2 allows 0x184D2A50 to 0x184D2A5F. znip uses only this one. */
export const SKIPPABLE_MAGIC = 0x184d2a5a;

/** The first of those sixteen; they differ in the last four bits. */
export const ANY_SKIPPABLE_MAGIC = 0x184d2a50;

/** RFC 8878 §3.1.1. */
export const ZSTD_MAGIC = 0xfd2fb528;

/** Magic and length of a skippable frame. */
export const SKIPPABLE_HEADER_LENGTH = 8;

/**
 * The first bytes of every archive: an empty zstd frame (single segment, content size 0, one empty last raw block).
 * Because of it, `tar xf`, `file` and desktop tools recognise zstd. They know the magic of a zstd frame, but not that
 * of a skippable frame.
 */
export const PROLOGUE = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00);

/** First four payload bytes of each skippable frame of znip: what the frame holds. */
export const TAG = {
  blockHeader: 'ZNBH',
  subIndex: 'ZNSI',
  frameTable: 'ZNFT',
  remarks: 'ZNRM',
  manifest: 'ZNMA',
  footer: 'ZNFO',
} as const;

/** The last eight bytes of every archive: 89 'ZNIP' 0D 0A 1A. */
export const FOOTER_MAGIC = Uint8Array.of(0x89, 0x5a, 0x4e, 0x49, 0x50, 0x0d, 0x0a, 0x1a);

/** BLAKE3 with its default output of 32 bytes. */
export const CHECKSUM_LENGTH = 32;

/** Structures too small for a whole hash have only the first bytes of one. */
export const SHORT_CHECKSUM_LENGTH = 8;

/** The most rows of one sub-index. An index of any size is built, spilled and read in parts of this size. */
export const MAX_SUB_INDEX_ROWS = 65_536;

/**
 * The most bytes of names in one sub-index, or in one table of remarks: a table that reaches this takes no more rows.
 * With names of PATH_MAX bytes, 65,536 rows would be a table of 2 GiB.
 */
export const MAX_NAME_BYTES = 64 * 1024 * 1024;

/**
 * A table of entries or remarks is at most this many times as long as its section. If it compresses better, it is
 * stored. So a reader knows from the archive's own length how much memory the table may take.
 */
export const MAX_TABLE_RATIO = 4096;

/** The longest table that is written or read. */
export const MAX_TABLE_LENGTH = 768 * 1024 * 1024;

/** PATH_MAX of Linux, without the final NUL. */
export const MAX_PATH_LENGTH = 4095;

/** What a section in the manifest may hold, in the order of the dictionary indices. */
export const SECTION_KINDS = ['members', 'frames', 'remarks'] as const;
