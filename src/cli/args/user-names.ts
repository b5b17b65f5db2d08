/**
 * Names of users and groups on this machine, for messages that ask for numbers instead.
 */
import { readFileSync } from 'node:fs';

/** `: write --owner 0:0` for `root` or `root:root`; empty if this machine does not know a name. */
export function numbersHint(text: string): string {
  const [user = '', group] = text.split(':');
  const account = lookUp('/etc/passwd', user);
  if (account === undefined) return '';
  const gid = group === undefined || group === '' ? account[1] : (lookUp('/etc/group', group)?.[0] ?? group);
  const numbers = gid === undefined ? account[0] : `${account[0]}:${gid}`;
  return `: write --owner ${numbers}`;
}

/** The third and fourth field of a line in passwd(5) or group(5). A number is returned as it is. */
function lookUp(file: string, name: string): [string, string | undefined] | undefined {
  if (/^\d+$/.test(name)) return [name, undefined];
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const fields = lines.map((line) => line.split(':')).find(([first]) => first === name && name !== '');
  return fields?.[2] === undefined ? undefined : [fields[2], fields[3]];
}
