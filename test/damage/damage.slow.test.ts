/** Damaged archives, all the places that damage.test.ts leaves out. */
import { sweepAll } from './sweeps.ts';

sweepAll(true);
