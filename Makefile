# The commands of the repository. Each installs what it needs; see README.md.
.PHONY: build run test bench crash simulate fuzz tidy format docs clean

build:
	SETUP=run tools/setup.sh
	cmake --preset release >/dev/null
	cmake --build build/release --target postroad
	ln -sf release/postroad build/postroad

run: build
	build/postroad serve --demo

test:
	tools/setup.sh
	tools/test.sh

# Beside Debian's Postfix and Dovecot, in pairs (as root, for they need it). Results lie in build/bench.
bench: build
	SETUP=bench tools/setup.sh
	cmake --build build/release --target bench_smtp bench_sink bench_idle bench_pop3
	python3 bench/inbound.py --dovecot
	python3 bench/inbound.py --octets 65536
	python3 bench/memory.py idle
	python3 bench/memory.py flood
	python3 bench/pop3.py
	python3 bench/relay.py
	python3 bench/queue.py

# Kills the server in the middle of its work CYCLES times, then cuts the power a twentieth as often.
crash: build
	tools/setup.sh
	cmake --preset asan >/dev/null
	cmake --build build/asan --target powercut_fs
	POSTROAD_BIN=build/postroad python3 tests/crash/run.py --cycles $(or $(CYCLES),1000)
	POSTROAD_BIN=build/postroad python3 tests/crash/run.py --powercut --cycles $$(( $(or $(CYCLES),1000) / 20 ))

# Whole histories of queue and delivery in virtual time, on all cores; the log is kept.
simulate:
	tools/setup.sh
	cmake --preset release -B build/simulate -DPOSTROAD_TESTS=ON >/dev/null
	cmake --build build/simulate --target simulation
	build/simulate/tests/simulation/simulation --threads 0 --seeds $(or $(SEEDS),200000) \
	  --first $(or $(FIRST),1) --log docs/measurements/simulation.md --commit $$(git rev-parse --short HEAD)

# Ten minutes for each fuzzer; the log is kept.
fuzz:
	tools/setup.sh
	cmake --preset fuzz >/dev/null
	cmake --build build/fuzz --target fuzzers
	FUZZ_LOG=docs/measurements/fuzz.md tools/fuzz.sh $(or $(SECONDS),600)

tidy:
	cmake --preset asan >/dev/null
	cmake --build build/asan
	tools/tidy.sh

format:
	git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

# The pages of docs/reference that are made from the program's own tables.
docs:
	cmake --preset asan >/dev/null
	cmake --build build/asan
	POSTROAD_WRITE_DOCS=1 ctest --test-dir build/asan -R '^(config|house\.events|httpd)$$'
	build/asan/postroad docs commands >docs/reference/commands.md

clean:
	rm -rf build
