// What npm runs in a clone: after `npm install` there, and for `npm install git+…`, whose package it makes of a clone in its
// cache. Builds dist/, with the packages that this takes.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const {
  npm_config_global: isGlobal,
  npm_config_install_links: copies,
  npm_execpath: npm,
  _PACOTE_NO_PREPARE_: isOfGit,
} = process.env;

// npm (10 and 11) prepares a package from git with an `npm install` in its clone, to which `--global` comes down: that one
// installs the clone, as a link to it, and npm writes the package through the link and deletes the clone. No script of the
// package can mend that, because what else was in the place of the link is gone by then. It would look like success.
if (isGlobal === 'true' && copies !== 'true' && isOfGit !== undefined) {
  console.error(
    'znip: npm would leave a link to a folder that it deletes: use `npm install --global --install-links git+…`',
  );
  process.exit(1);
}

if (!existsSync('node_modules/esbuild')) {
  const options =
    '--global=false --location=project --include=dev --include=optional --ignore-scripts --no-audit --no-fund';
  const [command, ...before] = npm === undefined ? ['npm'] : [process.execPath, npm];
  execFileSync(command, [...before, 'ci', ...options.split(' ')], { stdio: 'inherit' });
}
await import('./build.js');
