/**
 * The library: what another program may import.
 */
export type { RemarkKind } from './format/remarks.ts';
export { ZnipError, type ErrorContext, type ZnipErrorCode } from './errors.ts';
export { type Aspect, diff, type Difference, type DiffOptions } from './diff/diff.ts';
export type { InputOptions, NamedPath, PackPath } from './pack/inputs.ts';
export { pack, type PackOptions } from './pack/pack.ts';
export { packStream, type PackStreamOptions } from './pack/pack-stream.ts';
export { packTar, type PackTarOptions } from './pack/pack-tar.ts';
export type { ArchiveOptions, PackProgress, PackResult } from './pack/run.ts';
export type { Warning } from './pack/warning.ts';
export {
  Archive,
  type EntrySelection,
  type GroupSummary,
  openArchive,
  type NamedRemark,
  type OpenOptions,
} from './read/archive.ts';
export { Entries, Entry, type EntryRef } from './read/entries.ts';
export { type ArchiveInfo, readInfo, type SectionInfo } from './read/info.ts';
export { list, type ListedEntry } from './read/list.ts';
export { encodeEntryStream } from './read/entry-stream.ts';
export { type ByteRange, readMember } from './read/member-reader.ts';
export type { ByteSource } from './read/source.ts';
export type { DryMember } from './read/dry-run.ts';
export type { KeepGoingOptions, LostMember } from './read/lost.ts';
export { recover, type RecoverOptions, type RecoverResult } from './read/recover.ts';
export type { LimitOptions } from './read/limits.ts';
export type { MemberChoiceOptions } from './read/member-choice.ts';
export type { TargetOptions } from './read/target.ts';
export { unpack, type UnpackOptions, type UnpackProgress, type UnpackResult } from './read/unpack.ts';
export { readTar, type ReadTarOptions } from './read/tar-output.ts';
export { unpackStream, type UnpackStreamOptions } from './read/unpack-stream.ts';
export type { ExistingPolicy } from './read/write-settings.ts';
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
