#!/bin/sh
# Runs the kernels' check at every level this machine has under the address and undefined-behaviour sanitizers, and
# the threads' part of it under the thread sanitizer. Where a sanitizer's runtime is missing, it says so and skips.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
kernels=Sources/CKernels
echo 'int main(void) { return 0; }' >"$folder/empty.c"

# Prints the first of the compilers that can build and start a program with the sanitizer.
compiler_for() {
  sanitizer=$1
  shift
  for compiler in "$@"; do
    for linker in -fuse-ld=lld ""; do
      # shellcheck disable=SC2086
      if "$compiler" $linker "$sanitizer" "$folder/empty.c" -o "$folder/empty" 2>/dev/null &&
        "$folder/empty" 2>/dev/null; then
        echo "$compiler $linker"
        return 0
      fi
    done
  done
  return 1
}

flags="-std=gnu11 -O2 -g -ffp-contract=off -fno-omit-frame-pointer -I $kernels -I $kernels/include"

# The kernels are written in clang's vectors. Those of a level are one long unrolled function each, which takes
# minutes to compile with a check of every pointer; what lies beyond an array is found all the same.
undefined="-fsanitize=address,undefined -fno-sanitize-recover=all"
unrolled="-fno-sanitize=alignment,null,object-size,pointer-overflow"
unrolled="$unrolled -mllvm -asan-instrumentation-with-call-threshold=0"
if compiler=$(compiler_for -fsanitize=address,undefined ${CC:-} clang); then
  # shellcheck disable=SC2086
  for source in Tests/CKernelsCheck/*.c "$kernels"/*.c; do
    case $source in
      */avx2.c | */avx512vnni.c | */neon.c) extra=$unrolled ;;
      *) extra= ;;
    esac
    object=$(echo "$source" | tr / -).o
    ${compiler% *} $flags $undefined $extra -c "$source" -o "$folder/$object"
  done
  # shellcheck disable=SC2086
  $compiler $undefined "$folder"/*.o -pthread -lm -o "$folder/check"
  "$folder/check" quick
else
  echo "check_sanitizers: no clang with the runtimes of -fsanitize=address,undefined, skipped"
fi

if compiler=$(compiler_for -fsanitize=thread ${CC:-} clang gcc); then
  # shellcheck disable=SC2086
  $compiler $flags -fsanitize=thread -DCK_POOL_ONLY Tests/CKernelsCheck/pool.c "$kernels/parallel.c" -pthread \
    -o "$folder/pool"
  "$folder/pool"
else
  echo "check_sanitizers: no compiler with the runtime of -fsanitize=thread, skipped"
fi
