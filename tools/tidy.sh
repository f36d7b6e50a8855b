#!/bin/bash
# clang-tidy over the product's sources, those changed last first, until the time is up (a file takes seconds).
#
#   tools/tidy.sh [SECONDS]     0 or nothing: all of them
set -u
cd "$(dirname "$0")/.."
limit=${1:-0}
export deadline=$((limit > 0 ? $(date +%s) + limit : 0))

one() {
  [ "$deadline" = 0 ] || [ "$(date +%s)" -lt "$deadline" ] || { echo "left $1"; return; }
  local said
  if said=$(clang-tidy-19 -p build/asan --quiet "$1" 2>/dev/null); then echo "pass $1"; else echo "fail $1"; echo "$said"; fi
}
export -f one

files=$( { git log --name-only --format= -- 'src/*.cc' 2>/dev/null; git ls-files 'src/*.cc' 2>/dev/null || find src -name '*.cc'; } \
  | grep -v '_test\.cc$' | awk '!seen[$0]++' | while read -r file; do [ -f "$file" ] && echo "$file"; done)
said=$(echo "$files" | xargs -P "$(nproc)" -I{} bash -c 'one {}')
echo "$said" | grep -v '^\(pass\|left\) '
echo "clang-tidy: $(echo "$said" | grep -c '^pass ') files clean, $(echo "$said" | grep -c '^fail ') not," \
  "$(echo "$said" | grep -c '^left ') not looked at"
! echo "$said" | grep -q '^fail ' && echo "$said" | grep -q '^pass '
