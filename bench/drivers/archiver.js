/**
 * archiver as a program, for the benchmark: `archiver.js pack SOURCE ARCHIVE`, and `version`.
 */
import { createWriteStream, readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { ZipArchive } from 'archiver';

const [command, source = '', output = ''] = process.argv.slice(2);

switch (command) {
  case 'version': {
    const manifest = new URL('package.json', import.meta.resolve('archiver'));
    console.log(JSON.parse(readFileSync(fileURLToPath(manifest), 'utf8')).version);
    break;
  }
  case 'pack': {
    const archive = new ZipArchive({});
    const file = createWriteStream(output);
    archive.on('warning', (warning) => archive.destroy(warning));
    archive.on('error', (error) => file.destroy(error));
    archive.pipe(file);
    archive.directory(source, source);
    await Promise.all([archive.finalize(), finished(file)]);
    break;
  }
  default:
    throw new Error(`${command}: no such command`);
}
