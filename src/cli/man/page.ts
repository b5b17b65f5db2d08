/**
 * The manual page. Like `--help`, it is made from the definitions of the commands.
 */
import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';
import { VERSION } from '../../version.ts';
import { buildProgram } from '../program.ts';
import { roffArgument, roffFlags, roffItem, roffLines, roffProse, roffText } from './roff.ts';

/** The page as man(7). `date` is the date of the release, or undefined before it. */
export function manualPage(date: string | undefined): string {
  const program = buildProgram();
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== 'help');
  const { examples, statuses } = textsOf(program);
  return [
    `.TH ZNIP 1 ${roffArgument(date ?? '')} ${roffArgument(`znip ${VERSION}`)} ${roffArgument('User Commands')}\n`,
    '.SH NAME\n',
    `znip \\- ${roffText('archiver for trees of files: fast, indexed, verified, valid .tar.zst')}\n`,
    '.SH SYNOPSIS\n',
    `${commands.map(synopsis).join('\n.br\n')}\n`,
    '.SH DESCRIPTION\n',
    `${roffProse(program.description())}\n`,
    '.SH EXAMPLES\n',
    roffLines(examples),
    '.SH COMMANDS\n',
    ...commands.map((command) => describeCommand(command, statuses)),
    '.SH EXIT STATUS\n',
    ...statuses.map(([status, meaning]) => roffItem(roffText(status), meaning)),
    '.SH ENVIRONMENT\n',
    ...ENVIRONMENT.map(([name, meaning]) => roffItem(`.B ${name}`, meaning)),
    '.SH SEE ALSO\n',
    '.BR tar (1),\n.BR zstd (1)\n',
  ].join('');
}

const ENVIRONMENT = [
  ['NO_COLOR', 'If it is set and not empty, progress has no colours.'],
  [
    'SOURCE_DATE_EPOCH',
    'Seconds since 1970: the time that pack --reproducible records if --mtime is not given.',
  ],
  [
    'ZNIP_CORE',
    'portable: work without the native core; native: fail without it. --version -v shows which is in use.',
  ],
] as const;

function synopsis(command: Command): string {
  const usage = command.registeredArguments.map((argument) => {
    const name = `\\fI${roffText(argument.name())}\\fR${argument.variadic ? '...' : ''}`;
    return argument.required ? name : `[${name}]`;
  });
  return ['\\fBznip', `${command.name()}\\fR`, '[options]', ...usage].join(' ');
}

function describeCommand(command: Command, usual: HelpTexts['statuses']): string {
  const help = command.createHelp();
  const { examples, notes, statuses } = textsOf(command);
  const differs = JSON.stringify(statuses) !== JSON.stringify(usual);
  const description = command.description();
  const aliases = command.aliases();
  const also = aliases.length === 0 ? '' : ` Also: ${aliases.join(', ')}.`;
  return [
    `.SS ${roffArgument(`znip ${command.name()}`)}\n`,
    `${roffText(`${description.charAt(0).toUpperCase()}${description.slice(1)}.${also}`)}\n`,
    `.PP\n${synopsis(command)}\n`,
    ...command.registeredArguments.map((argument) =>
      roffItem(`.I ${roffText(argument.name())}`, help.argumentDescription(argument)),
    ),
    ...help
      .visibleOptions(command)
      .map((option) => roffItem(roffFlags(help.optionTerm(option)), help.optionDescription(option))),
    ...notes.map(blockOf),
    '.PP\nExamples:\n.PP\n.RS 4\n',
    roffLines(examples),
    '.RE\n',
    ...(differs
      ? ['.PP\nExit status:\n', ...statuses.map(([status, meaning]) => roffItem(status, meaning))]
      : []),
  ].join('');
}

/** A paragraph. If lines begin with blanks, it is a table and keeps its lines. */
function blockOf(lines: readonly string[]): string {
  return lines.some((line) => line.startsWith(' '))
    ? `.PP\n${roffLines(lines)}`
    : `.PP\n${roffProse(lines.join(' '))}\n`;
}

interface HelpTexts {
  examples: string[];
  /** Paragraphs, each as its lines. */
  notes: string[][];
  statuses: [status: string, meaning: string][];
}

/** What the help says before and after the options, by its headings. */
function textsOf(command: Command): HelpTexts {
  const pieces: string[] = [];
  const context = { error: false, command, write: (text: string) => pieces.push(text) };
  // Commander itself collects them by these events; its types do not say that it is an emitter.
  const emitter = command as unknown as EventEmitter;
  emitter.emit('beforeHelp', context);
  emitter.emit('afterHelp', context);
  const texts: HelpTexts = { examples: [], notes: [], statuses: [] };
  for (const block of pieces.join('').split(/\n{2,}/)) {
    const lines = block.split('\n').filter((line) => line !== '');
    const [first, ...rest] = lines;
    if (first === 'Examples:') texts.examples = rest.map((line) => line.replace(/^ {2}/, ''));
    else if (first === 'Exit status:') texts.statuses = rest.map(statusOf);
    else if (first !== undefined) texts.notes.push(lines);
  }
  return texts;
}

function statusOf(line: string): [string, string] {
  const [, status = '', meaning = ''] = /^\s*(\S+)\s+(.*)$/.exec(line) ?? [];
  return [status, meaning];
}
