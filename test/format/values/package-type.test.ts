import { describe, expect, test } from 'vitest';
import { KNOWN_PACKAGE_TYPES, packageTypeOf, PLAIN } from '../../../src/format/values/package-type.ts';

const SHA256 = '0123456789abcdef'.repeat(4);
const SHA512 = SHA256.repeat(2);

const TYPES: [path: string, type: string][] = [
  ['left-pad-1.3.0.tgz', 'npm'],
  ['registry/@scope/name-1.0.0.tgz', 'npm'],
  ['charts/nginx-1.0.0.tgz', 'helm'],
  ['repo/charts/nginx-1.0.0.tgz', 'helm'],
  ['charts/deeper/nginx-1.0.0.tgz', 'npm'],
  ['mycharts/nginx-1.0.0.tgz', 'npm'],
  ['charts.d/nginx-1.0.0.tgz', 'npm'],
  ['Chart.yaml', 'helm'],
  ['nginx/Chart.yaml', 'helm'],
  ['nginx/Chart.lock', 'helm'],
  ['nginx/values.yaml', PLAIN],
  ['nginx/MyChart.yaml', PLAIN],
  ['nginx/chart.yaml', PLAIN],
  ['yarn.lock', PLAIN],
  ['org/slf4j/slf4j-api-2.0.jar', 'maven'],
  ['app.war', 'maven'],
  ['app.ear', 'maven'],
  ['lib.aar', 'maven'],
  ['slf4j-api-2.0.pom', 'maven'],
  ['serde-1.0.0.crate', 'cargo'],
  ['requests-2.0-py3-none-any.whl', 'pypi'],
  ['old-1.0.egg', 'pypi'],
  ['requests-2.0.tar.gz', PLAIN],
  ['curl_8.0_amd64.deb', 'deb'],
  ['installer_1.0_amd64.udeb', 'deb'],
  ['bash-5.2.x86_64.rpm', 'rpm'],
  ['rails-7.0.gem', 'gem'],
  ['oci-layout', 'oci'],
  ['image/oci-layout', 'oci'],
  ['image-1.0/oci-layout', 'oci'],
  [`blobs/sha256/${SHA256}`, 'oci'],
  [`image/blobs/sha512/${SHA512}`, 'oci'],
  [`blobs/sha256/${SHA256}.json`, PLAIN],
  [`blobs/sha256/${SHA256.slice(1)}`, PLAIN],
  [`blobs/sha256/${SHA256.toUpperCase()}`, PLAIN],
  [`blobs/sha1/${SHA256}`, PLAIN],
  [`myblobs/sha256/${SHA256}`, PLAIN],
  ['my-oci-layout', PLAIN],
  ['jar', PLAIN],
  ['some.jar/file', PLAIN],
  ['library.JAR', PLAIN],
  ['library.jar.sha1', PLAIN],
  ['trailing.', PLAIN],
  ['README.md', PLAIN],
  ['caf\xc3\xa9.jar', 'maven'],
  ['\xff\xfe.deb', 'deb'],
];

describe('the package type of a name', () => {
  test.each(TYPES)('%s: %s', (path, type) => {
    expect(packageTypeOf(path)).toBe(type);
  });

  test('is one of those that are known, all of which are tested here', () => {
    expect([...new Set(TYPES.map(([, type]) => type))].sort()).toEqual([...KNOWN_PACKAGE_TYPES].sort());
    expect(KNOWN_PACKAGE_TYPES.at(-1)).toBe(PLAIN);
    expect(new Set(KNOWN_PACKAGE_TYPES).size).toBe(KNOWN_PACKAGE_TYPES.length);
  });

  test('takes no longer for a long name than its length asks for', () => {
    const started = performance.now();
    packageTypeOf(`${'charts/'.repeat(585)}.tgz`);
    packageTypeOf('blobs/sha256/'.repeat(315));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
