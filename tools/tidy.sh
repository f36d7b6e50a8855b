#!/bin/bash
# clang-tidy over the product's sources until the time is up (a file takes seconds): first those of the last
# commits, then the others in an order that another commit changes, so that in time each has its turn.
#
#   tools/tidy.sh [SECONDS]     0 or nothing: all of them
# What was not looked at is counted at the end, and named in the file TIDY_LEFT names.
set -u
cd "$(dirname "$0")/.."
limit=${1:-0}
recent=40  # commits
export deadline=$((limit > 0 ? $(date +%s) + limit : 0))

one() {
  [ "$deadline" = 0 ] || [ "$(date +%s)" -lt "$deadline" ] || { echo "left $1"; return; }
  local said
  if said=$(clang-tidy-19 -p build/asan --quiet "$1" 2>/dev/null); then echo "pass $1"; else echo "fail $1"; echo "$said"; fi
}
export -f one

sources() { git ls-files 'src/*.cc' 2>/dev/null || find src -name '*.cc'; }
# Without git, or from an archive, the order is by name.
turn=$(git rev-parse HEAD 2>/dev/null || echo none)
files=$( { git log -"$recent" --name-only --format= -- 'src/*.cc' 2>/dev/null; sources | shuf --random-source=<(yes "$turn"); } \
  | grep -v '_test\.cc$' | awk '!seen[$0]++' | while read -r file; do [ -f "$file" ] && echo "$file"; done)
said=$(echo "$files" | xargs -P "$(nproc)" -I{} bash -c 'one {}')
echo "$said" | grep -v '^\(pass\|left\) '
[ -z "${TIDY_LEFT:-}" ] || echo "$said" | sed -n 's/^left //p' >"$TIDY_LEFT"
echo "clang-tidy: $(echo "$said" | grep -c '^pass ') files clean, $(echo "$said" | grep -c '^fail ') not," \
  "$(echo "$said" | grep -c '^left ') not looked at"
! echo "$said" | grep -q '^fail ' && echo "$said" | grep -q '^pass '
