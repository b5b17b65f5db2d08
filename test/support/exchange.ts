/**
 * Exchanges names in one step, so that something has each of them at every moment: renameat2(2), which Node.js lacks.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** RENAME_EXCHANGE and AT_FDCWD, of Linux; elsewhere in three steps. `pause`: up to so many milliseconds after each round. */
const PROGRAM = `
import ctypes, json, os, random, sys, time
pairs, pause = json.loads(sys.argv[1]), float(sys.argv[2])
renameat2 = getattr(ctypes.CDLL(None), 'renameat2', None)
def quietly(a, b):
    try:
        os.rename(a, b)
    except OSError:
        pass
while True:
    for a, b in pairs:
        if renameat2 is not None:
            renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2)
        else:
            quietly(a, 'away'); quietly(b, a); quietly('away', b)
    if pause > 0:
        time.sleep(random.random() * pause / 1000)
`;

/** Exchanges these pairs of names below a directory, again and again, until it is killed. */
export function startExchanging(
  pairs: readonly (readonly [string, string])[],
  cwd: string,
  pause = 0,
): ChildProcess {
  return spawn('python3', ['-c', PROGRAM, JSON.stringify(pairs), String(pause)], { cwd, stdio: 'ignore' });
}
