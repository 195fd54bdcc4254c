#!/usr/bin/env bash
# Man pages and completions list the options that --help lists: those the parser knows.
# shellcheck source=tests/end_to_end/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The long options in argp's own help.
help_options() {
    sed -nE 's/^  (-., |    )--([a-z-]+).*/\2/p' "$1" | sort
}

man_options() {
    sed -nE 's/^(\\fB\\-.\\fR( \\fI[^,]*\\fR)?, )?\\fB\\-\\-([a-z\\-]+)\\fR.*/\3/p' "$1" | sed 's/\\-/-/g' | sort
}

same() {
    cmp -s "$1" "$2" || mistake "$3: $(diff "$1" "$2")"
}

facet --help >overview
sed -nE 's/^  ([a-z-]+) +[a-z].*/\1/p' overview | grep -v '^facet$' >commands
[ "$(wc -l <commands)" -ge 11 ] || mistake "not all commands are in the overview: $(cat overview)"

facet document bash >completion.bash
facet document zsh >completion.zsh
bash -n completion.bash
facet document man >facet.1

# complete_with WORD...: what bash offers for the last word.
complete_with() {
    bash -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _facet 2>/dev/null
             printf "%s\n" "${COMPREPLY[@]}"' complete "$@"
}

while read -r command; do
    facet "$command" --help >help
    facet document man "$command" >page
    help_options help >expected
    [ -s expected ] || mistake "$command --help lists no option"
    man_options page >found
    same expected found "facet-$command(1)"
    complete_with facet "$command" -- | sed -n 's/^--//; s/=$//; p' | sort >found
    same expected found "bash completion of $command"
    sed -n "/^$command)/,/;;/p" completion.zsh | sed -nE "s/^ *'--([a-z-]+).*/\1/p" | sort >found
    same expected found "zsh completion of $command"
    grep -q "facet\\\\-${command//-/\\\\-}" facet.1 || mistake "facet(1) does not list $command"
done <commands

# The monitor, which has no commands.
facet-monitor --help >help
help_options help >expected
facet-monitor --document=man >page
man_options page >found
same expected found "facet-monitor(1)"
facet-monitor --document=bash >monitor.bash
bash -c '. ./monitor.bash; COMP_WORDS=(facet-monitor --); COMP_CWORD=1; _facet-monitor 2>/dev/null
         printf "%s\n" "${COMPREPLY[@]}"' | sed -n 's/^--//; s/=$//; p' | sort >found
same expected found "bash completion of facet-monitor"
facet-monitor --document=zsh | sed -nE "s/^ *'--([a-z-]+).*/\1/p" | sort >found
same expected found "zsh completion of facet-monitor"
expect 2 facet-monitor --document=pdf

complete_with facet de >found
grep -qx decompose found || mistake "facet de is not completed to decompose: $(cat found)"
touch network.h5
complete_with facet inspect net >found
grep -qx network.h5 found || mistake "file names are not completed: $(cat found)"

expect 2 facet document
expect 2 facet document man nonsense
if command -v man >/dev/null; then
    LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -l page >rendered 2>warnings || mistake "man fails: $(cat warnings)"
    [ ! -s warnings ] || mistake "man complains: $(cat warnings)"
fi
finish
