# The commands of the repository. Each installs what it needs; see README.md.
.PHONY: build run test bench crash fuzz clean

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

clean:
	rm -rf build
