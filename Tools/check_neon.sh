#!/bin/sh
# Checks the NEON kernels on an x86-64 machine: built for aarch64 and run by QEMU, they are compared with the scalar
# ones. Needs clang with ld.lld, and from Debian qemu-user and libc6-dev-arm64-cross; exits 0 without a check where one
# of them is missing, and says so.
set -eu
cd "$(dirname "$0")/.."
compiler=${CC:-clang}
system=/usr/aarch64-linux-gnu
for tool in "$compiler" ld.lld qemu-aarch64; do
  if ! command -v "$tool" >/dev/null; then
    echo "check_neon: skipped, there is no $tool"
    exit 0
  fi
done
if [ ! -e "$system/lib/crt1.o" ]; then
  echo "check_neon: skipped, there is no C library in $system (apt-get install libc6-dev-arm64-cross)"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
kernels=Sources/CKernels
for source in Tests/CKernelsCheck/*.c "$kernels"/*.c; do
  object=$(echo "$source" | tr / _)
  "$compiler" --target=aarch64-linux-gnu -isystem "$system/include" -std=gnu11 -O2 -ffp-contract=off \
    -I "$kernels" -I "$kernels/include" -c "$source" -o "$folder/$object.o"
done
ld.lld -dynamic-linker /lib/ld-linux-aarch64.so.1 -o "$folder/check" "$system/lib/crt1.o" \
  "$system/lib/crti.o" "$folder"/*.o "$system/lib/libm.so.6" "$system/lib/libc.so.6" "$system/lib/crtn.o"
qemu-aarch64 -cpu max -L "$system" "$folder/check"
