/**
 * The library: what another program may import. docs/library.md is made from what is exported here.
 */
export { Archive, open } from './library/archive.ts';
export type { EntriesOptions, OpenOptions, StreamOptions, TarOptions } from './library/archive.ts';
export { Entry } from './library/entry.ts';
export { pack, packTar } from './library/pack.ts';
export type { GeneratedMember, PackInput, PackOptions, PackTarOptions } from './library/pack.ts';
export { extract, type ExtractSourceOptions } from './library/extract.ts';
export type { ExtractOptions, ExtractProgress, ExtractResult } from './library/extract-indexed.ts';
export { verify, type VerifyOptions } from './library/verify.ts';
export { merge, type MergeOptions, repack, type RepackOptions } from './library/grow.ts';
export { repair, type RepairOptions } from './library/repair.ts';
export { diff, type DiffOptions } from './library/diff.ts';
export type { RandomAccess, Source } from './library/source.ts';
export type { ByteInput } from './library/streams.ts';
export type { Output } from './library/output.ts';
export type { TaskOptions, ZnipEvent } from './library/task.ts';

export { type ErrorContext, ZnipError, type ZnipErrorCode } from './errors.ts';
export type { GroupSummary } from './archive/archive.ts';
export type { ArchiveInfo, SectionInfo } from './archive/info.ts';
export type { Aspect, Difference } from './diff/diff.ts';
export type { RemarkKind } from './format/remarks.ts';
export type { Kind } from './format/values/entry.ts';
export type { PackProgress, PackResult } from './pack/run.ts';
export type { NamedPath } from './pack/walk/inputs.ts';
export type { ConflictPolicy } from './grow/conflicts.ts';
export type { RepairResult } from './repair/repair.ts';
export type { ChangedAspect, MemberChange, UpdateResult } from './unpack/unpack.ts';
export type { XattrPatterns } from './select/xattr-choice.ts';
export type { ExistingPolicy } from './target/write-settings.ts';
export { DAMAGE, type Damage, type DamageCode } from './verify/damage.ts';
export type { Differing, VerifyProgress, VerifyReport } from './verify/verify.ts';
export { VERSION } from './version.ts';
