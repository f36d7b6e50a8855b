# The commands of the repository. Each installs what it needs; see README.md.
.PHONY: build run test bench crash fuzz tidy format docs clean

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
	POSTROAD_WRITE_DOCS=1 ctest --test-dir build/asan -R '^(config|house\.events|http)$$'

clean:
	rm -rf build
