/**
 * Completion for bash 3.2 and newer. It does not need bash-completion.
 */
import { namesOf, type Outline, type OutlineCommand, spellingsOf } from '../args/outline.ts';
import { ARCHIVE_SUFFIXES, type Offer, offerFor } from './values.ts';

export function bashCompletion(program: Outline): string {
  return `# bash completion for znip. In ~/.bashrc: source <(znip completion bash)

# Sets options to the options of command $1.
_znip_options() {
    options=
    case $1 in
${program.commands.map((command) => caseOf(namesOf(command), `options='${optionNames(command)}'`)).join('\n')}
        '') options='${optionNames(program)}' ;;
    esac
}

# Sets offer to what follows option $2 of command $1; empty when nothing does.
_znip_value() {
    offer=
    case "$1 $2" in
${program.commands.flatMap((command) => valueCases(program, command)).join('\n')}
    esac
}

# Sets offer to what argument number $2 of command $1 can be.
_znip_argument() {
    offer=nothing
    case "$1 $2" in
${program.commands.flatMap((command) => argumentCases(program, command)).join('\n')}
    esac
}
${helpers(program.commands.map(({ name }) => name).join(' '))}
complete -o default -F _znip znip
`;
}

function caseOf(patterns: readonly string[], body: string): string {
  return `        ${patterns.join('|')}) ${body} ;;`;
}

function optionNames(command: OutlineCommand): string {
  return command.options.flatMap(spellingsOf).join(' ');
}

function describe(offer: Offer): string {
  return offer.kind === 'words' ? `words ${offer.words.join(' ')}` : offer.kind;
}

/** Without options whose value is optional: there, the value comes only after an equals sign. */
function valueCases(program: Outline, command: OutlineCommand): string[] {
  return command.options.flatMap((option) => {
    if (option.value?.required !== true) return [];
    const patterns = namesOf(command).flatMap((name) =>
      spellingsOf(option).map((spelling) => `'${name} ${spelling}'`),
    );
    return [caseOf(patterns, `offer='${describe(offerFor(program, command, option.value))}'`)];
  });
}

function argumentCases(program: Outline, command: OutlineCommand): string[] {
  return command.arguments.map((argument, i) => {
    const number = argument.variadic ? '*' : String(i + 1);
    const patterns = namesOf(command).map((name) => `'${name} '${number}`);
    return caseOf(patterns, `offer='${describe(offerFor(program, command, argument))}'`);
  });
}

/** The part that depends only on the names of the commands. */
function helpers(commands: string): string {
  return `
# Sets words to the words up to the cursor as znip would get them: bash splits at = and : as well.
_znip_words() {
    local i word rest=$COMP_LINE
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        if ((i == 0)) || [[ $rest == [[:space:]]* ]]; then
            words+=("$word")
        else
            words[\${#words[@]}-1]+=$word
        fi
        rest=\${rest#*"$word"}
    done
}

# Sets plain to $1 without the shell's quotes.
_znip_unquote() {
    local i char quote= text=$1
    plain=
    case $text in \\~/*) text=$HOME\${text#\\~} ;; esac
    for ((i = 0; i < \${#text}; i++)); do
        char=\${text:i:1}
        if [[ $char == "$quote" ]]; then
            quote=
        elif [[ -z $quote && ( $char == "'" || $char == '"' ) ]]; then
            quote=$char
        elif [[ $char == '\\' && $quote != "'" ]]; then
            ((i++))
            plain+=\${text:i:1}
        else
            plain+=$char
        fi
    done
}

# Whether the last letter of the cluster $2 takes the next word as its value. Sets offer to what that is.
_znip_takes_next() {
    local i
    _znip_value "$1" "$2"
    [[ -n $offer ]] && return 0
    [[ $2 == --* ]] && return 1
    for ((i = 1; i < \${#2}; i++)); do
        _znip_value "$1" "-\${2:i:1}"
        [[ -n $offer ]] && { ((i == \${#2} - 1)); return; }
    done
    return 1
}

_znip() {
    local -a words
    local plain offer options name prefix= command= archive= ended= expected= number=0 i
    COMPREPLY=()
    _znip_words
    for ((i = 1; i < \${#words[@]} - 1; i++)); do
        if [[ -n $expected ]]; then
            expected=
        elif [[ -z $ended && \${words[i]} == -- ]]; then
            ended=yes
        elif [[ -z $ended && \${words[i]} == -?* ]]; then
            if _znip_takes_next "$command" "\${words[i]}"; then expected=$offer; fi
        elif [[ -z $command ]]; then
            command=\${words[i]}
        else
            ((number++))
            if ((number == 1)); then
                _znip_unquote "\${words[i]}"
                archive=$plain
            fi
        fi
    done
    local typed=\${words[\${#words[@]}-1]}
    _znip_unquote "$typed"
    if [[ -n $expected ]]; then
        offer=$expected
    elif [[ -z $ended && $typed == --*=* ]]; then
        _znip_value "$command" "\${typed%%=*}"
        prefix=\${plain%%=*}=
        plain=\${plain#*=}
    elif [[ -z $ended && $typed == -* ]]; then
        _znip_options "$command"
        offer="words $options"
    elif [[ -z $command ]]; then
        offer='words ${commands}'
    else
        _znip_argument "$command" $((number + 1))
    fi
    case $offer in
        files) return ;;
        directories)
            compopt +o default -o dirnames 2>/dev/null
            return
            ;;
        archives)
            compopt -o filenames 2>/dev/null
            while IFS= read -r name; do COMPREPLY+=("$prefix$name"); done < <(
                compgen -d -- "$plain"
                for name in ${ARCHIVE_SUFFIXES.join(' ')}; do compgen -f -X "!*$name" -- "$plain"; done
            )
            ;;
        members)
            compopt +o default -o filenames 2>/dev/null
            while IFS= read -r -d '' name; do
                COMPREPLY+=("$prefix$name")
            done < <([[ -f $archive ]] && command znip __members -- "$archive" "$plain" 2>/dev/null)
            # What is in a directory may be wanted next.
            if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == */ ]]; then compopt -o nospace 2>/dev/null; fi
            ;;
        words\\ *)
            compopt +o default 2>/dev/null
            while IFS= read -r name; do
                COMPREPLY+=("$prefix$name")
            done < <(compgen -W "\${offer#words }" -- "$plain")
            ;;
        *) compopt +o default 2>/dev/null ;;
    esac
    # Bash replaces only what follows the last = or : that it has split at.
    local last=\${COMP_WORDS[COMP_CWORD]}
    [[ $last == = || $last == : ]] && last=
    _znip_unquote "\${typed%"$last"}"
    if [[ -n $plain ]]; then
        for ((i = 0; i < \${#COMPREPLY[@]}; i++)); do COMPREPLY[i]=\${COMPREPLY[i]#"$plain"}; done
    fi
}
`;
}
