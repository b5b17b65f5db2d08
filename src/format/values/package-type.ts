/**
 * Package types by file name, in one table. The first row that matches wins; a name that matches none is `plain`.
 * Implements docs/format.md, "Groups".
 */
import type { ByteString } from './byte-string.ts';

export const PLAIN = 'plain';

interface PackageTypeRule {
  type: string;
  /** Extensions without the dot; '' for names without one. */
  extensions: readonly string[];
  /** What the whole path must also match. */
  path?: RegExp;
}

const PACKAGE_TYPES: readonly PackageTypeRule[] = [
  // Chart archives and npm packages share .tgz; a helm repository keeps its charts under charts/.
  { type: 'helm', extensions: ['tgz'], path: /(?:^|\/)charts\/[^/]+$/ },
  { type: 'helm', extensions: ['yaml', 'lock'], path: /(?:^|\/)Chart\.(?:yaml|lock)$/ },
  { type: 'npm', extensions: ['tgz'] },
  { type: 'maven', extensions: ['jar', 'war', 'ear', 'aar', 'pom'] },
  { type: 'cargo', extensions: ['crate'] },
  { type: 'pypi', extensions: ['whl', 'egg'] },
  { type: 'deb', extensions: ['deb', 'udeb'] },
  { type: 'rpm', extensions: ['rpm'] },
  { type: 'gem', extensions: ['gem'] },
  // An OCI image layout names its blobs by their digests.
  { type: 'oci', extensions: [''], path: /(?:^|\/)(?:blobs\/sha(?:256|512)\/[0-9a-f]{64,128}|oci-layout)$/ },
];

/** Every package type that znip recognises, `plain` last. */
export const KNOWN_PACKAGE_TYPES: readonly string[] = [
  ...new Set(PACKAGE_TYPES.map((rule) => rule.type)),
  PLAIN,
];

/** Rules by extension, so that most names cost one look-up. */
const RULES = new Map<string, PackageTypeRule[]>();
for (const rule of PACKAGE_TYPES) {
  for (const extension of rule.extensions) {
    RULES.set(extension, [...(RULES.get(extension) ?? []), rule]);
  }
}

export function packageTypeOf(path: ByteString): string {
  const dot = path.lastIndexOf('.');
  const extension = dot > path.lastIndexOf('/') ? path.slice(dot + 1) : '';
  for (const rule of RULES.get(extension) ?? []) {
    if (rule.path === undefined || rule.path.test(path)) return rule.type;
  }
  return PLAIN;
}

/** The extensions that have a rule, as numbers; see `extensionKey`. */
const SPECIAL = new Set(
  [...RULES.keys()].map((extension) => extensionKey(Buffer.from(extension), 0, extension.length)),
);
/** No rule has a longer extension. */
const LONGEST = Math.max(...[...RULES.keys()].map((extension) => extension.length));
/** The only names without an extension that any rule matches are this long, or longer than that. */
const OCI_LAYOUT = 'oci-layout'.length;
const SHORTEST_DIGEST = 64;
const DOT = 0x2e;

/** The bytes of an extension as the digits of one number. */
function extensionKey(bytes: Uint8Array, from: number, to: number): number {
  let key = 1;
  for (let i = from; i < to; i++) key = key * 256 + (bytes[i] ?? 0);
  return key;
}

/**
 * Whether the name at bytes `from` to `to` is plain wherever it is. Does not know it of some names; `packageTypeOf` does.
 * Makes no string: it is called for every file.
 */
export function isPlainName(bytes: Uint8Array, from: number, to: number): boolean {
  let dot = to - 1;
  while (dot >= from && bytes[dot] !== DOT) dot--;
  if (dot < from) return to - from < SHORTEST_DIGEST && to - from !== OCI_LAYOUT;
  return to - dot - 1 > LONGEST || !SPECIAL.has(extensionKey(bytes, dot + 1, to));
}
