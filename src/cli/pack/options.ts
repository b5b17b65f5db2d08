/**
 * The options of `znip pack`, as the command line parser gives them.
 */
import type { RecordedOwner } from '../../pack/walk/metadata.ts';
import type { CommonOptions } from '../args/options.ts';

export interface PackCommandOptions extends CommonOptions {
  output?: string;
  base?: string;
  baseOptional?: boolean;
  baseAny?: boolean;
  trustMtime?: boolean;
  null?: boolean;
  exclude?: string[];
  excludeFrom?: string[];
  include?: string[];
  gitignore?: boolean;
  keepTracked?: boolean;
  excludeVcs?: boolean;
  excludeCaches?: boolean;
  oneFileSystem?: boolean;
  dereference?: boolean;
  readSpecial?: boolean;
  transform?: string[];
  prefix?: string;
  filesFrom?: string[];
  directory?: string[];
  tar?: string;
  name?: string;
  level?: number;
  threads?: number;
  long?: boolean;
  memory?: number;
  chunkSize?: number;
  type?: string;
  repo?: string;
  repoFromDir?: boolean;
  owner?: RecordedOwner;
  xattrs?: boolean;
  xattrsInclude?: string[];
  xattrsExclude?: string[];
  mtime?: bigint;
  reproducible?: boolean;
  dryRun?: boolean;
  force?: boolean;
}
