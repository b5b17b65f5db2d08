/**
 * What is measured: each operation as the pipeline of programs that a contender does it with.
 */

/**
 * @typedef {import('./measure.js').Pipeline} Pipeline
 * @typedef {import('./peers.js').Peer} Peer
 *
 * @typedef {'pack' | 'unpack' | 'unpack-pipe' | 'list' | 'extract' | 'range'} Operation
 *
 * @typedef {object} Job
 * @property {string} source the tree's name in the directory that holds it
 * @property {string} archive
 * @property {string} target an empty directory, for those that unpack
 * @property {import('./tree.js').Selection} selection the members to read
 */

/** @type {readonly Operation[]} in the order of a round */
export const OPERATIONS = ['pack', 'unpack', 'unpack-pipe', 'list', 'extract', 'range'];

/** @type {Record<Operation, string>} */
export const TITLES = {
  pack: 'pack',
  unpack: 'unpack',
  'unpack-pipe': 'unpack from a pipe',
  list: 'list',
  extract: 'extract one member',
  range: 'read a range of a member',
};

/** @param {Operation} operation */
export function writesTree(operation) {
  return operation === 'unpack' || operation === 'unpack-pipe';
}

/** @param {Peer} peer */
export function readsArchives({ unpack, unpackPipe, list, extract, range }) {
  return [unpack, unpackPipe, list, extract, range].some((operation) => operation !== undefined);
}

/**
 * @param {Operation} operation
 * @param {Peer} peer
 * @param {Job} job
 * @returns {Pipeline | undefined} undefined when the peer cannot do it, or there is no such member
 */
export function pipelineOf(operation, peer, { source, archive, target, selection }) {
  const { small, large, range } = selection;
  /** @type {Record<Operation, () => Pipeline | undefined>} */
  const pipelines = {
    pack: () => peer.pack(source, archive),
    unpack: () => peer.unpack?.(archive, target, source),
    'unpack-pipe': () => peer.unpackPipe?.(archive, target),
    list: () => peer.list?.(archive),
    extract: () => (small === undefined ? undefined : peer.extract?.(archive, small)),
    range: () => (large === undefined ? undefined : readRange(peer, archive, large, range)),
  };
  return pipelines[operation]();
}

/**
 * Who has no option for it extracts the member and drops the rest, as its user would.
 *
 * @param {Peer} peer
 * @param {string} archive
 * @param {string} member
 * @param {{ start: number, length: number }} range
 * @returns {Pipeline | undefined}
 */
function readRange(peer, archive, member, { start, length }) {
  if (peer.range !== undefined) return peer.range(archive, member, start, length);
  const extract = peer.extract?.(archive, member);
  return extract && [...extract, ['tail', '-c', `+${start + 1}`], ['head', '-c', String(length)]];
}
