#!/bin/bash
# All tests, in sections; goes on after a failure, and ends with one line that adds everything up.
#
# tools/setup.sh has run. FUZZ_SECONDS (30) for each fuzzer, TIDY_SECONDS (150) for clang-tidy; ONLY="asan tsan"
# picks sections: format asan tsan fuzz release tidy. Logs and reports lie in build/ci.
set -u
cd "$(dirname "$0")/.."
FUZZ_SECONDS=${FUZZ_SECONDS:-30}
TIDY_SECONDS=${TIDY_SECONDS:-150}
ONLY=${ONLY:-format asan tsan fuzz release tidy}
jobs=$(nproc)
out=build/ci
rm -rf $out; mkdir -p $out
results=$out/results
: >$results
reports=()
started=$SECONDS

# section NAME TITLE: a heading, and whether to go on with it.
section() {
  case " $ONLY " in *" $1 "*) ;; *) return 1 ;; esac
  printf '\n== %s: %s  (after %d min %02d s)\n' "$1" "$2" $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60))
}

# step NAME COMMAND...: one check. Quiet when it passes.
step() {
  local name=$1 log="$out/${1// /_}.log" before=$SECONDS; shift
  if "$@" >"$log" 2>&1 </dev/null; then
    echo "pass $name" >>$results; echo "   ok      $name ($((SECONDS - before)) s)"
  else
    echo "fail $name" >>$results; echo "   FAILED  $name ($((SECONDS - before)) s), the end of $log:"; tail -60 "$log"
    return 1
  fi
}

# suite NAME FOLDER CTEST-ARGUMENTS...: test programs, counted by their report.
suite() {
  local name=$1 folder=$2 before=$SECONDS; shift 2
  local report=$PWD/$out/$name.xml log=$out/$name.log
  reports+=("$report")
  if ctest --test-dir "$folder" --output-junit "$report" --no-tests=error \
      --test-output-size-passed 10000000 --test-output-size-failed 10000000 --output-on-failure "$@" >"$log" 2>&1 </dev/null; then
    grep -E '^ *[0-9]+/[0-9]+ Test|tests passed' "$log"
  else
    grep -E '^ *[0-9]+/[0-9]+ Test|tests passed' "$log"
    echo "   FAILED  $name; all of it: $log"; tools/tally.py --failed "$report"
  fi
  echo "   $name: $((SECONDS - before)) s"
}

formatted() {
  git ls-files '*.h' '*.cc' 2>/dev/null | xargs -r clang-format-19 --dry-run --Werror
}

if section format "the sources look alike"; then
  step "clang-format" formatted
fi

if section asan "everything under AddressSanitizer and UndefinedBehaviorSanitizer"; then
  step "asan configure" cmake --preset asan
  step "asan build" cmake --build build/asan -- -k 0
  POSTROAD_ALL_CLIENTS=1 suite asan-tests build/asan -j $((jobs + 2))  # many only wait; a journey whose program is missing fails
fi

if section tsan "where threads meet, under ThreadSanitizer"; then
  step "tsan configure" cmake --preset tsan
  step "tsan build" cmake --build build/tsan --target concurrent_tests -- -k 0
  suite tsan-tests build/tsan -j "$jobs" -L concurrent
fi

if section fuzz "each fuzzer for $FUZZ_SECONDS s"; then
  step "fuzz configure" cmake --preset fuzz
  if step "fuzz build" cmake --build build/fuzz --target fuzzers -- -k 0; then
    tools/fuzz.sh "$FUZZ_SECONDS" 3>>$results
  fi
fi

if section release "the program that is shipped"; then
  step "release configure" cmake --preset release
  step "release build" cmake --build build/release --target postroad bench_smtp
  step "release hardening" tools/hardening.py build/release/postroad
  # The sandbox, a small cgroup and a clock that jumps: none of them goes together with a sanitizer.
  step "release against the host" env POSTROAD_BIN="$PWD/build/release/postroad" python3 tests/attacks/h_host_test.py
fi

if section tidy "clang-tidy, $TIDY_SECONDS s"; then
  [ -f build/asan/compile_commands.json ] || cmake --preset asan >/dev/null
  step "clang-tidy" env TIDY_LEFT="$out/tidy_left" tools/tidy.sh "$TIDY_SECONDS"
  tail -1 $out/clang-tidy.log
fi

printf '\n== all of it took %d min %02d s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60))
tools/tally.py $results "${reports[@]}"
