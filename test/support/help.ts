/**
 * The help as znip prints it, on a screen of 80 columns, and what it lists.
 */
import { znip } from './run.ts';

const helps = new Map<string, string>();

/** The help of znip, of a command, or as `help COMMAND` prints it. */
export function helpOf(...args: string[]): string {
  const words = args[0] === 'help' && args.length > 1 ? args : [...args, '--help'];
  const key = words.join(' ');
  let help = helps.get(key);
  if (help === undefined) {
    const { status, stdout, stderr } = znip(words);
    if (status !== 0) throw new Error(`znip ${key}: ${stderr}`);
    help = stdout;
    helps.set(key, help);
  }
  return help;
}

function listed(help: string, heading: string): string[] {
  const [, lines = ''] = new RegExp(`\\n${heading}:\\n((?: {2}.*\\n)*)`).exec(help) ?? [];
  return [...lines.matchAll(/^ {2}(?:-\w, )?([\w-]+)/gm)].map(([, name = '']) => name);
}

/** The commands that the help lists. */
export function commandNames(): string[] {
  return listed(helpOf(), 'Commands');
}

/** The long options that the help lists, `--output` for one. */
export function optionNames(...args: string[]): string[] {
  return listed(helpOf(...args), 'Options');
}

/** The examples that the help begins with, without the remarks beside them. */
export function examplesOf(...args: string[]): string[] {
  const [, lines = ''] = /^Examples:\n((?: {2}.*\n)+)/.exec(helpOf(...args)) ?? [];
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().replace(/ {2,}.*$/, ''));
}
