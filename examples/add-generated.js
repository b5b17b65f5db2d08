// Packs files and directories together with a file that is made on the way: what is in them, and what they were built of.
//
//     node examples/add-generated.js release.znip PATH...
import { execFileSync } from 'node:child_process';
import { pack } from 'znip';

const [output = '', ...paths] = process.argv.slice(2);

function revision() {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return null;
  }
}

// Inputs are drawn one after the other, so they may be made of what came before, or wait for something.
async function* inputs() {
  yield {
    path: 'BUILD.json',
    content: `${JSON.stringify({ revision: revision(), node: process.version })}\n`,
  };
  yield* paths;
}

const { members, rootHash, failedInputs } = await pack(inputs(), {
  output,
  onEvent: ({ path, reason }) => console.error(`${path}: ${reason}`),
});
console.log(`${output}: ${members} members, ${rootHash}`);
if (failedInputs > 0) process.exitCode = 3;
