/**
 * Completion for fish 3.0 and newer.
 */
import { namesOf, type Outline, type OutlineCommand, spellingsOf } from '../args/outline.ts';
import { type Offer, offerFor } from './values.ts';

export function fishCompletion(program: Outline): string {
  const valued = program.commands.flatMap((command) => {
    const options = command.options.filter(({ value }) => value?.required === true).flatMap(spellingsOf);
    return options.length === 0
      ? []
      : [`        case ${namesOf(command).join(' ')}\n            set valued ${options.join(' ')}`];
  });
  return `# fish completion for znip, as ~/.config/fish/completions/znip.fish

# The command and its arguments so far, without options and their values.
function __znip_words
    set -l valued
    set -l words
    set -l skip no
    set -l ended no
    for token in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if test $ended = no; and test "$token" = --
            set ended yes
        else if test $ended = no; and string match -q -- '-?*' "$token"
            contains -- "$token" $valued; and set skip yes
        else
            set -a words (string replace -r '^~/' "$HOME/" -- "$token")
            test (count $words) = 1; or continue
            switch $words[1]
${valued.join('\n').replace(/^/gm, '        ')}
            end
        end
    end
    test (count $words) = 0; or printf '%s\\n' $words
end

function __znip_at_command
    test (count (__znip_words)) = 0
end

function __znip_at --description 'Whether command $argv[1] is complete but for its argument number $argv[2]'
    set -l words (__znip_words)
    contains -- "$words[1]" (string split , -- $argv[1]); or return 1
    test (count $argv) = 1; and return 0
    test (count $words) = $argv[2]; and return 0
    test "$argv[3]" = more; and test (count $words) -ge $argv[2]
end

# Members of the archive that is the first argument, one level at a time.
function __znip_members
    set -l words (__znip_words)
    test -f "$words[2]"; or return 1
    command znip __members -- $words[2] (commandline -ct | string unescape) 2>/dev/null | string split0 | string match -v '*\\n*'
end

complete -c znip -f
${program.options.map((option) => optionLine('__znip_at_command', program, program, option)).join('\n')}
${program.commands.map((command) => `complete -c znip -n __znip_at_command -a ${command.name} -d ${quote(command.description)}`).join('\n')}
${program.commands.map((command) => commandLines(program, command)).join('\n')}
`;
}

function commandLines(program: Outline, command: OutlineCommand): string {
  const names = namesOf(command).join(',');
  const operands = command.arguments.map((argument, i) => {
    const place = `__znip_at ${names} ${i + 1}${argument.variadic ? ' more' : ''}`;
    return `complete -c znip -n ${quote(place)} ${offerFlags(offerFor(program, command, argument))}`.trimEnd();
  });
  const options = command.options.map((option) => optionLine(`__znip_at ${names}`, program, command, option));
  return ['', ...options, ...operands].join('\n');
}

function optionLine(
  condition: string,
  program: Outline,
  command: OutlineCommand,
  { short, long, value, description }: OutlineCommand['options'][number],
): string {
  const names = [
    short === undefined ? [] : [`-s ${short.slice(1)}`],
    long === undefined ? [] : [`-l ${long.slice(2)}`],
  ].flat();
  const offer = value?.required === true ? offerFor(program, command, value) : undefined;
  // -x: takes a value, and offers no file names.
  const takes =
    offer === undefined ? [] : [`${offer.kind === 'files' ? '-r' : '-x'} ${offerFlags(offer)}`.trimEnd()];
  return ['complete -c znip', `-n ${quote(condition)}`, ...names, ...takes, `-d ${quote(description)}`].join(
    ' ',
  );
}

const FLAGS = {
  files: '-F',
  directories: `-a '(__fish_complete_directories (commandline -ct))'`,
  // Archives come first, then other files, because tar files have many different names.
  archives: `-k -a '(__fish_complete_suffix .znip)'`,
  members: `-a '(__znip_members)'`,
  nothing: '',
};

function offerFlags(offer: Offer): string {
  return offer.kind === 'words' ? `-a ${quote(offer.words.join(' '))}` : FLAGS[offer.kind];
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
