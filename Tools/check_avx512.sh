#!/bin/sh
# Checks the AVX-512 kernels on any x86-64 machine: their source is built on SIMDe (libsimde-dev), which computes what
# the VNNI instruction would, and compared with the scalar kernels, beside the levels that the machine has. Exits 0
# without a check where clang or SIMDe is missing, and says so.
set -eu
cd "$(dirname "$0")/.."
compiler=${CC:-clang}
if [ "$(uname -m)" != x86_64 ]; then
  echo "check_avx512: skipped, this is not an x86-64 machine"
  exit 0
fi
if ! command -v "$compiler" >/dev/null; then
  echo "check_avx512: skipped, there is no $compiler"
  exit 0
fi
if ! echo '#include <simde/x86/avx512.h>' | "$compiler" -x c -fsyntax-only - 2>/dev/null; then
  echo "check_avx512: skipped, SIMDe is missing (apt-get install libsimde-dev)"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
kernels=Sources/CKernels
"$compiler" -std=gnu11 -O2 -ffp-contract=off -DCK_SIMDE -I "$kernels" -I "$kernels/include" \
  Tests/CKernelsCheck/*.c "$kernels"/*.c -pthread -lm -o "$folder/check"
"$folder/check"
