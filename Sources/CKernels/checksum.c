/// XXH64 (Yann Collet's published specification), with seed 0.
#include <string.h>

#include "ckernels.h"

static const uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u,
                      P4 = 0x85EBCA77C2B2AE63u, P5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t v, int by) { return v << by | v >> (64 - by); }

static uint64_t read64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

static uint64_t round64(uint64_t lane, uint64_t input) { return rotate(lane + input * P2, 31) * P1; }

static uint64_t merge(uint64_t hash, uint64_t lane) { return (hash ^ round64(0, lane)) * P1 + P4; }

uint64_t ck_checksum(const void *bytes, size_t count) {
  const uint8_t *p = bytes, *end = p + count;
  uint64_t hash = P5;
  if (count >= 32) {
    uint64_t a = P1 + P2, b = P2, c = 0, d = 0 - P1;
    for (; end - p >= 32; p += 32) {
      a = round64(a, read64(p));
      b = round64(b, read64(p + 8));
      c = round64(c, read64(p + 16));
      d = round64(d, read64(p + 24));
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  }
  hash += count;
  for (; end - p >= 8; p += 8) hash = rotate(hash ^ round64(0, read64(p)), 27) * P1 + P4;
  if (end - p >= 4) {
    uint32_t v;
    memcpy(&v, p, 4);
    hash = rotate(hash ^ v * P1, 23) * P2 + P3;
    p += 4;
  }
  for (; p < end; p++) hash = rotate(hash ^ *p * P5, 11) * P1;
  hash = (hash ^ hash >> 33) * P2;
  hash = (hash ^ hash >> 29) * P3;
  return hash ^ hash >> 32;
}
