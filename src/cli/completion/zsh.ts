/**
 * Completion for zsh, with zsh's own `_arguments`. It works from a directory in `fpath`, and also when it is sourced.
 */
import {
  namesOf,
  type Outline,
  type OutlineCommand,
  type OutlineOption,
  spellingsOf,
} from '../args/outline.ts';
import { ARCHIVE_SUFFIXES, type Offer, offerFor } from './values.ts';

export function zshCompletion(program: Outline): string {
  const names = program.commands.map(({ name, description }) => quote(`${name}:${description}`));
  return `#compdef znip
# zsh completion for znip. As a file _znip in a directory of fpath, or in ~/.zshrc: source <(znip completion zsh)

_znip_commands() {
    local -a commands=(
        ${names.join('\n        ')}
    )
    _describe -t commands command commands
}

_znip_archives() {
    _files -g '*(${ARCHIVE_SUFFIXES.join('|')})(-.)' || _files
}

# Members of the archive that is the first argument, one level at a time.
_znip_members() {
    local archive=\${(Q)line[1]} typed=\${(Q)PREFIX} expl
    [[ $archive == \\~/* ]] && archive=$HOME\${archive#\\~}
    [[ -f $archive ]] || return 1
    local -a names
    names=("\${(@0)"$(command znip __members -- "$archive" "$typed" 2>/dev/null)"}")
    names=(\${names:#})
    if compset -P '*/'; then names=(\${names#\${typed%/*}/}); fi
    local -a directories=(\${(M)names:#*/}) files=(\${names:#*/})
    _wanted members expl member compadd -S '' -a directories
    _wanted members expl member compadd -a files
}

_znip() {
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C \\
${lines(program.options.flatMap((option) => optionSpecs(program, program, option)))}
        '1: :_znip_commands' \\
        '*:: :->arguments'
    [[ $state == arguments ]] || return
    case $line[1] in
${program.commands.map((command) => commandCase(program, command)).join('\n')}
    esac
}

if [[ $funcstack[1] == _znip ]]; then
    _znip "$@"
else
    compdef _znip znip
fi
`;
}

function commandCase(program: Outline, command: OutlineCommand): string {
  const specs = [
    ...command.options.flatMap((option) => optionSpecs(program, command, option)),
    ...command.arguments.map(({ name, variadic, choices }, i) => {
      const action = actionFor(offerFor(program, command, { name, choices }));
      return quote(`${variadic ? '*' : String(i + 1)}:${name}:${action}`);
    }),
  ];
  // The last line of a command has no backslash at its end.
  const list = lines(specs).replace(/ \\$/, '');
  return `    ${namesOf(command).join('|')})
        _arguments -s -S \\
${list}
        ;;`;
}

function lines(specs: readonly string[]): string {
  return specs.map((spec) => `        ${spec} \\`).join('\n');
}

/** A specification for each spelling: `(-o --output)-o+[description]:file:_files`. */
function optionSpecs(program: Outline, command: OutlineCommand, option: OutlineOption): string[] {
  const spellings = spellingsOf(option);
  const once = option.repeatable ? '*' : spellings.length > 1 ? `(${spellings.join(' ')})` : '';
  return spellings.map((spelling) => {
    const explanation = `[${escapeText(option.description)}]`;
    if (option.value === undefined) return quote(`${once}${spelling}${explanation}`);
    const { name, required } = option.value;
    const action = actionFor(offerFor(program, command, option.value));
    const attached = required ? (spelling.startsWith('--') ? '=' : '+') : '=-';
    return quote(
      `${once}${spelling}${attached}${explanation}${required ? ':' : '::'}${escapeText(name)}:${action}`,
    );
  });
}

const ACTIONS = {
  files: '_files',
  directories: '_files -/',
  archives: '_znip_archives',
  members: '_znip_members',
  nothing: ' ',
};

function actionFor(offer: Offer): string {
  return offer.kind === 'words' ? `(${offer.words.join(' ')})` : ACTIONS[offer.kind];
}

function escapeText(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
