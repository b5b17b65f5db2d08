/**
 * Who takes part: the settings of znip, and the peers that are installed.
 */
import { programVersion } from './machine.js';
import { PEERS } from './families.js';

/**
 * @typedef {import('./peers.js').Peer} Peer
 */

/**
 * @param {readonly string[]} names of peers or of families
 * @returns {Peer[]} throws when there is no such peer
 */
export function peersNamed(names) {
  return names.flatMap((wanted) => {
    const peers = PEERS.filter(({ name, family }) => name === wanted || family === wanted);
    if (peers.length === 0) {
      const families = [...new Set(PEERS.map(({ family }) => family))];
      throw new Error(
        `no peer is called ${wanted}: there are ${families.join(', ')}, and their settings (see --help)`,
      );
    }
    return peers;
  });
}

/**
 * @param {readonly Peer[]} peers
 * @returns {{ installed: Peer[], versions: Record<string, string>, missing: string[] }} versions: by program; missing:
 *   programs that do not run here
 */
export function whoIsInstalled(peers) {
  const commands = Object.assign({}, ...peers.map(({ versions }) => versions));
  /** @type {[string, string | undefined][]} */
  const found = Object.entries(commands).map(([program, command]) => [program, programVersion(command)]);
  const missing = found.flatMap(([program, version]) => (version === undefined ? [program] : []));
  return {
    installed: peers.filter(({ versions }) => !Object.keys(versions).some((name) => missing.includes(name))),
    versions: Object.fromEntries(
      found.flatMap(([program, version]) => (version === undefined ? [] : [[program, version]])),
    ),
    missing,
  };
}
