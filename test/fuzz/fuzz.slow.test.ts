/** Every fuzz target with the inputs that fuzz.test.ts leaves out. */
import { triesAll } from './tries.ts';

triesAll(true);
