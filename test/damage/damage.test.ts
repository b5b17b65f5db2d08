/** Damaged archives, some places of each kind: the rest is in damage.slow.test.ts. */
import { sweepAll } from './sweeps.ts';

sweepAll(false);
