#!/bin/sh
# bazel run //tests:format: rewrites all C sources in the project's style.
set -eu
cd "$BUILD_WORKSPACE_DIRECTORY"
git ls-files '*.c' '*.h' | xargs clang-format -i
