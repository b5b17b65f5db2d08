// Runs the fault tests with as many kills as wanted: npm run faults -- --kills 500
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '200' } } });
if (!/^[1-9]\d*$/.test(values.kills)) {
  process.stderr.write(`faults: --kills takes a whole number from 1, not '${values.kills}'\n`);
  process.exit(2);
}
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/faults'], {
  stdio: 'inherit',
  env: { ...process.env, ZNIP_KILLS: values.kills },
});
process.exit(status ?? 1);
