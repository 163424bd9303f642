# What the scripts of the reports ask mdla-sweep's results.csv. Sourced; $results is the file's name.
# shellcheck shell=bash disable=SC2154

# EXPRESSION for every measurement that reached its loss and fulfils CONDITION; both are awk's, v("column") is a value.
lines() { # CONDITION EXPRESSION
    awk -F, -v OFMT=%.12g 'function v(column) {return $at[column]}
        NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next}
        v("fvu") != "n/a" && ('"$1"') {print '"$2"'}' "$results"
}

# The explanation whose EXPRESSION is least where CONDITION holds; nothing where it never does.
least() { # CONDITION EXPRESSION
    lines "$1" "$2, v(\"explanation\")" | sort -g | sed -n '1s/.* //p'
}

grouped() { # COUNT, as 60,000
    sed -E ':more; s/^([0-9]+)([0-9]{3})/\1,\2/; t more' <<<"$1"
}

# A column of an explanation with the codebook for a number of rows; n/a where it doesn't reach the loss.
figure() { # EXPLANATION ROWS COLUMN DECIMALS
    local found
    found=$(lines "v(\"explanation\") == \"$1\" && v(\"rows_sharing\") == $2" "sprintf(\"%.$4f\", v(\"$3\"))")
    echo "${found:-n/a}"
}

# Total bits a row where ROWS share the codebook, for lines and least. There is a line for each codebook that was made.
total_for() { # ROWS
    echo "(v(\"marginal_bits_per_row\") + 8 * v(\"codebook_nbytes\") / $1)"
}

# The same of the codebook that is cheapest for ROWS, one decimal; n/a where none reaches the loss.
total() { # EXPLANATION ROWS
    local found
    found=$(lines "v(\"explanation\") == \"$1\"" "$(total_for "$2")" | sort -g | sed -n 1p)
    if [ -n "$found" ]; then printf '%.1f\n' "$found"; else echo n/a; fi
}

# Whether a figure is below another: 0 yes, 1 no, 2 it can't be said, as one is n/a.
below() { # A B
    [ "$1" != n/a ] && [ "$2" != n/a ] || return 2
    awk -v a="$1" -v b="$2" 'BEGIN {exit !(a < b)}'
}

verdict() { # COMMAND...: what its exit says of the paper
    "$@" && echo "**agrees**" && return
    case $? in
    1) echo "**doesn't agree**" ;;
    *) echo "**can't be judged**" ;;
    esac
}
