/**
 * The pipelines below the library, for the tests. They are built, because threads need files that Node.js can run. This
 * is not part of the package.
 */
export type { RemarkKind } from './format/remarks.ts';
export { ZnipError, type ErrorContext, type ZnipErrorCode } from './errors.ts';
export { type Aspect, diff, type Difference, type DiffOptions } from './diff/diff.ts';
export type { InputOptions, NamedPath, PackPath } from './pack/walk/inputs.ts';
export { pack, type PackOptions } from './pack/pack.ts';
export { packStream, type PackStreamOptions } from './pack/pack-stream.ts';
export { packTar, type PackTarOptions } from './pack/pack-tar.ts';
export type { ArchiveOptions, PackProgress, PackResult } from './pack/run.ts';
export type { Warning } from './pack/walk/warning.ts';
export {
  Archive,
  type EntrySelection,
  type GroupSummary,
  openArchive,
  type NamedRemark,
  type OpenOptions,
} from './archive/archive.ts';
export { Entries, Entry, type EntryRef } from './archive/entries.ts';
export { type ArchiveInfo, readInfo, type SectionInfo } from './archive/info.ts';
export { list, type ListedEntry } from './archive/list.ts';
export { encodeEntryStream } from './archive/entry-stream.ts';
export { type ByteRange, readMember } from './archive/member-reader.ts';
export type { ByteSource } from './io/source.ts';
export type { DryMember } from './target/dry-run.ts';
export type { KeepGoingOptions, LostMember } from './rules/lost.ts';
export { recover, type RecoverOptions, type RecoverResult } from './recover/recover.ts';
export type { LimitOptions } from './rules/limits.ts';
export type { MemberChoiceOptions } from './select/member-choice.ts';
export type { TargetOptions } from './target/target.ts';
export {
  type MemberChange,
  unpack,
  type UnpackOptions,
  type UnpackProgress,
  type UnpackResult,
} from './unpack/unpack.ts';
export { readTar, type ReadTarOptions } from './archive/tar-output.ts';
export { unpackStream, type UnpackStreamOptions } from './unpack-stream/unpack-stream.ts';
export type { ExistingPolicy } from './target/write-settings.ts';
export { contentRootOf } from './archive/content-root.ts';
export { merge, type MergeOptions } from './grow/merge.ts';
export { repack, type RepackOptions } from './grow/repack.ts';
export { repair, type RepairOptions, type RepairResult } from './repair/repair.ts';
export { DAMAGE, type Damage, type DamageCode } from './verify/damage.ts';
export {
  type Differing,
  verify,
  type VerifyOptions,
  type VerifyProgress,
  type VerifyReport,
  verifyStream,
} from './verify/verify.ts';
export { VERSION } from './version.ts';
