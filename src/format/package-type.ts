/**
 * Package types by file name: one table. The first row that matches wins; a name that none matches is
 * `plain`. Implements docs/format.md, "Groups".
 */
import type { ByteString } from './byte-string.ts';

export const PLAIN = 'plain';

const PACKAGE_TYPES: readonly (readonly [type: string, name: RegExp])[] = [
  // Chart archives and npm packages share .tgz; only a helm repository keeps them under charts/.
  ['helm', /(?:^|\/)charts\/[^/]+\.tgz$|(?:^|\/)Chart\.(?:yaml|lock)$/],
  ['npm', /\.tgz$/],
  ['maven', /\.(?:jar|war|ear|aar|pom)$/],
  ['cargo', /\.crate$/],
  ['pypi', /\.(?:whl|egg)$/],
  ['deb', /\.u?deb$/],
  ['rpm', /\.rpm$/],
  ['gem', /\.gem$/],
  // An OCI image layout names its blobs by digest: blobs/sha256/<64 hex digits>.
  ['oci', /(?:^|\/)blobs\/sha(?:256|512)\/[0-9a-f]{64,128}$|(?:^|\/)oci-layout$/],
];

/** Every package type that znip recognises, `plain` last. */
export const KNOWN_PACKAGE_TYPES: readonly string[] = [...PACKAGE_TYPES.map(([type]) => type), PLAIN];

/** Last characters of the names that the table knows, so that most names meet one test and not nine. */
const CANDIDATE = /(?:\.(?:tgz|[jwe]ar|aar|pom|crate|whl|egg|u?deb|rpm|gem|yaml|lock)|[0-9a-f]{64}|oci-layout)$/;

export function packageTypeOf(path: ByteString): string {
  if (!CANDIDATE.test(path)) return PLAIN;
  for (const [type, name] of PACKAGE_TYPES) if (name.test(path)) return type;
  return PLAIN;
}
