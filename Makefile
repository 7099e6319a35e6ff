# The commands of the project. Each is a script in tools/ or tests/; CONTRIBUTING.md explains them.
#
#   make run      install what is missing, build, start a server with the demo channel
#   make build    build/stoa and build/stoa-worker
#   make test     everything that CI checks; ends with "N passed, N failed"
#   make check    the fast part of it, under two minutes
#   make bench    the measurements of docs/performance.md
#   make fuzz     each fuzz target for 60 s
#   make lint     layers, style, clang-tidy, scripts, web
#   make format   clang-format over the C sources
#   make clean    remove everything that was built

.PHONY: build run test check bench fuzz lint format clean

build:
	tools/build.sh release

run:
	tools/install_packages.sh run
	tools/build.sh release
	exec build/stoa serve --demo

test:
	tools/install_packages.sh test
	python3 tests/run.py

check:
	python3 tests/run.py format layers unit-asan

bench:
	tools/install_packages.sh bench
	tools/build.sh bench
	python3 bench/bench.py --build build/bench

fuzz:
	python3 tests/run.py --seconds 60 fuzz

lint:
	python3 tests/run.py layers lint tidy

format:
	python3 tools/lint.py --fix-format

clean:
	rm -rf build web/dist web/package/dist web/package/LICENSE
