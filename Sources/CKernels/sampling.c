/// What sampling asks about logits and weights: single-threaded, and free of any context.
#include <string.h>

#include "kernels.h"

size_t ck_argmax(ck_level level, const float *x, size_t count) { return ck_kernels_of(level)->argmax(x, count); }

void ck_weights(ck_level level, const float *x, size_t count, float scale, float *out) {
  ck_kernels_of(level)->weights(x, count, scale, out);
}

// MARK: Blocks

// Every machine has vectors, and these sums are short: one version serves all levels, so that the last bit of a sum,
// and with it a choice, does not depend on the level.
typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef float f32x4 __attribute__((ext_vector_type(4)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef float f32x16_at __attribute__((ext_vector_type(16), aligned(4), may_alias));
#pragma clang diagnostic ignored "-Wpsabi"
#define INLINE static inline __attribute__((always_inline))

typedef struct lanes {
  f32x16 v[4];
} lanes;

/// The weights of a block, and zeros for those beyond the last.
INLINE lanes load_block(const float *weights, size_t count, size_t block) {
  const float *first = weights + block * CK_BLOCK;
  float padded[CK_BLOCK];
  if (count - block * CK_BLOCK < CK_BLOCK) {
    memset(padded, 0, sizeof padded);
    memcpy(padded, first, (count - block * CK_BLOCK) * sizeof(float));
    first = padded;
  }
  lanes l;
  for (size_t i = 0; i < 4; i++) l.v[i] = *(const f32x16_at *)(first + 16 * i);
  return l;
}

INLINE float sum_of(lanes l) {
  const f32x16 a = (l.v[0] + l.v[1]) + (l.v[2] + l.v[3]);
  const f32x8 b = a.lo + a.hi;
  const f32x4 c = b.lo + b.hi;
  return (c.x + c.z) + (c.y + c.w);
}

INLINE f32x16 larger(f32x16 a, f32x16 b) { return a > b ? a : b; }

void ck_blocks(const float *weights, size_t count, ck_block *blocks) {
  for (size_t block = 0; block * CK_BLOCK < count; block++) {
    const lanes l = load_block(weights, count, block);
    const f32x16 a = larger(larger(l.v[0], l.v[1]), larger(l.v[2], l.v[3]));
    const f32x8 b = a.lo > a.hi ? a.lo : a.hi;
    const f32x4 c = b.lo > b.hi ? b.lo : b.hi;
    const float even = c.x > c.z ? c.x : c.z, odd = c.y > c.w ? c.y : c.w;
    blocks[block] = (ck_block){.mass = sum_of(l), .greatest = even > odd ? even : odd};
  }
}

double ck_mass(
  const float *weights, size_t count, const ck_block *blocks, size_t first, size_t end, float limit
) {
  double mass = 0;
  for (size_t block = first; block < end; block++) {
    if (blocks[block].greatest < limit) continue;
    lanes l = load_block(weights, count, block);
    for (size_t i = 0; i < 4; i++) l.v[i] = l.v[i] >= (f32x16)(limit) ? l.v[i] : (f32x16)(0.0f);
    mass += sum_of(l);
  }
  return mass;
}

size_t ck_count(
  const float *weights, size_t count, const ck_block *blocks, size_t first, size_t end, float limit
) {
  i32x16 counts = 0;
  for (size_t block = first; block < end; block++) {
    if (blocks[block].greatest < limit) continue;
    const lanes l = load_block(weights, count, block);
    // A comparison that holds is -1.
    for (size_t i = 0; i < 4; i++) counts -= l.v[i] >= (f32x16)(limit);
  }
  size_t sum = 0;
  for (size_t lane = 0; lane < 16; lane++) sum += (size_t)counts[lane];
  return sum;
}
