/** Tar streams read in every way: the inputs that differential.test.ts leaves out. */
import { readAlike } from './differential/read-alike.ts';

readAlike({ streams: [60, 400], programs: [60, 300] });
