#!/bin/bash
# Runs each fuzzer of build/fuzz on its corpus; what it finds and what breaks it stay in build/fuzz/.
#
#   tools/fuzz.sh SECONDS [NAME...]     a line "pass|fail fuzz NAME" for each on fd 3 where that is open;
#   FUZZ_LOG=docs/measurements/fuzz.md  keeps what came of it
set -u
cd "$(dirname "$0")/.."
seconds=$1; shift
jobs=${FUZZ_JOBS:-$(nproc)}

one() {
  local name=$1 seconds=$2 work=build/fuzz/corpus/$1 log=build/fuzz/$1.log
  mkdir -p "$work" build/fuzz/found
  local seeds=(); [ -d "fuzz/corpus/$name" ] && seeds=("fuzz/corpus/$name")
  if "build/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -verbosity=1 -artifact_prefix="build/fuzz/found/$name-" "$work" "${seeds[@]}" >"$log" 2>&1 </dev/null; then
    verdict=pass
  else
    verdict=fail
  fi
  # "#12345  DONE   cov: 777 ft: 2222 corp: ..." ; "stat::number_of_executed_units: 12345"
  printf '%s %-16s %12s runs %6s edges %5ss\n' "$verdict" "$name" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    "$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -1)" "$seconds"
  [ $verdict = pass ] || tail -40 "$log"
}
export -f one

names=("$@")
if [ ${#names[@]} = 0 ]; then
  for program in build/fuzz/fuzz_*; do [ -x "$program" ] && [ -f "$program" ] && names+=("${program##*/fuzz_}"); done
fi
[ ${#names[@]} != 0 ] || { echo "no fuzzer is built: cmake --preset fuzz && cmake --build build/fuzz --target fuzzers" >&2; exit 1; }
printf '%s\n' "${names[@]}" | xargs -P "$jobs" -I{} bash -c 'one {} '"$seconds" | tee build/fuzz/summary
if { true >&3; } 2>/dev/null; then sed -n 's/^\(pass\|fail\) \([^ ]*\).*/\1 fuzz \2/p' build/fuzz/summary >&3; fi
if [ -n "${FUZZ_LOG:-}" ]; then
  { printf '# Fuzzing\n\n`make fuzz`: each fuzzer for %s s on %s cores, commit %s, %s.\n\n```\n' "$seconds" "$(nproc)" \
      "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" "$(date -u +%F)"
    sort -k2 build/fuzz/summary | grep '^\(pass\|fail\) '; printf '```\n'; } >"$FUZZ_LOG"
fi
# Each fuzzer that was asked for has passed, and said so.
[ "$(grep -c '^pass ' build/fuzz/summary)" = ${#names[@]} ]
