// Runs the fault tests with as many kills and races as wanted: npm run faults -- --kills 500 --races 2000 --seed 7
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    races: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (/^[1-9]\d*$/.test(value)) continue;
  process.stderr.write(`faults: --${name} takes a whole number from 1, not '${value}'\n`);
  process.exit(2);
}
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--mode', 'all', 'test/faults'];
const { status } = spawnSync(process.execPath, vitest, {
  stdio: 'inherit',
  env: { ...process.env, ZNIP_KILLS: values.kills, ZNIP_RACES: values.races, ZNIP_RACES_SEED: values.seed },
});
process.exit(status ?? 1);
