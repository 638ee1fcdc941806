# The bash case. Each stage prints its name and a checksum of all it made: associative arrays,
# strings cut and replaced, regular expressions, arithmetic, here documents, subshells, process
# substitution and pipelines. Each subshell is a fork that goes on allocating in the child.
set -euo pipefail

state=4711
number() { state=$(((state * 1103515245 + 12345) & 0x7fffffff)); result=$(((state >> 8) % $1)); }
report() { printf '%s %s\n' "$1" "$(sha256sum | cut -c1-32)"; }

arrays() {
  declare -A seen
  local i key
  for ((i = 0; i < 20000; i++)); do
    number 3000
    key=key$result
    if ((i % 5 == 0)); then unset "seen[$key]"; else seen[$key]+=${i: -1}; fi
  done
  for key in "${!seen[@]}"; do printf '%s=%s\n' "$key" "${seen[$key]}"; done | sort
}

texts() {
  local text='' i
  for ((i = 0; i < 6000; i++)); do
    number 100000
    text+="$result-${text: -5},"
    if ((${#text} > 20000)); then
      text=${text//7/seven}
      text=${text:15000}
      printf '%s\n' "${text^^}"
    fi
    [[ $text =~ ([0-9]+)-([0-9]*)seven ]] && text+=${BASH_REMATCH[1]}
  done
  printf '%s\n' "$text"
}

subshells() {
  local i
  for ((i = 0; i < 150; i++)); do
    (
      declare -a own
      for ((j = 0; j < 100; j++)); do own[j * i]=$j$i; done
      echo "${own[*]}" "${#own[@]}"
    )
    echo "$(echo "$(echo "nested $i")")"
  done
}

pipelines() {
  local i
  for ((i = 1; i <= 12; i++)); do
    seq 1 $((i * 2000)) | sed -E 's/([0-9])([0-9])/\2\1/g' | awk '{ sum[$1 % 97] += $1 }
      END { for (k = 0; k < 97; k++) printf "%d %d\n", k, sum[k] }' | sort -k2 -n --parallel=2
    # They differ, which diff says by its status too.
    diff <(seq 1 100) <(seq 1 $((100 + i))) || true
  done
}

arrays | report arrays
texts | report texts
subshells | report subshells
pipelines | report pipelines
