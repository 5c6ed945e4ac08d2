/// NEON with the dot product of bytes (Armv8.2 and later): 32 registers of 4 floats.
///
/// `sdot` multiplies signed bytes, so the low bytes of activations are stored 128 lower. Σ(a - 128)w + 128 Σw = Σaw;
/// the sums of each block's weights come from dot products with ones, once for all rows.
#include "kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#include "wide.h"
#include "byte_tiles.h"
#include "wide_attention.h"
#include "wide_sampling.h"

static void neon_quantize(const float *x, size_t padded, const ck_row *row) { quantize_bytes(x, padded, row, 128); }

#define UNROLLED _Pragma("clang loop unroll(full)") for
/// Unrolled, loads would move up until the registers that the sums need are gone.
#define IN_TURN _Pragma("clang loop unroll(disable)") for

/// 128 Σw of each block and output.
static void prepare_q8(const char *weights, size_t blocks, int32_t *begin) {
  const int8x16_t ones = vdupq_n_s8(1);
  for (size_t b = 0; b < blocks; b++, weights += Q8_BYTES, begin += 64) {
    for (size_t n = 0; n < 64; n += 16) {
      const int8_t *w = (const int8_t *)weights + Q8_HEADER + 4 * n;
      int32x4_t sums[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
      for (size_t i = 0; i < CK_Q8_BLOCK; i += 4, w += 256) {
        UNROLLED(size_t v = 0; v < 4; v++) sums[v] = vdotq_s32(sums[v], vld1q_s8(w + 16 * v), ones);
      }
      UNROLLED(size_t v = 0; v < 4; v++) vst1q_s32(begin + n + 4 * v, vshlq_n_s32(sums[v], 7));
    }
  }
}

INLINE int8x16_t low_nibbles(const int8_t *w) { return vandq_s8(vld1q_s8(w), vdupq_n_s8(15)); }

INLINE int8x16_t high_nibbles(const int8_t *w) {
  return vreinterpretq_s8_u8(vshrq_n_u8(vreinterpretq_u8_s8(vld1q_s8(w)), 4));
}

static void prepare_q4(const char *weights, size_t blocks, int32_t *begin) {
  const int8x16_t ones = vdupq_n_s8(1);
  for (size_t b = 0; b < blocks; b++, weights += Q4_BYTES, begin += 64) {
    for (size_t n = 0; n < 64; n += 16) {
      const int8_t *w = (const int8_t *)weights + Q4_HEADER + 4 * n;
      int32x4_t sums[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
      for (size_t i = 0; i < CK_Q4_BLOCK; i += 8, w += 256) {
        UNROLLED(size_t v = 0; v < 4; v++) {
          sums[v] = vdotq_s32(sums[v], vaddq_s8(low_nibbles(w + 16 * v), high_nibbles(w + 16 * v)), ones);
        }
      }
      UNROLLED(size_t v = 0; v < 4; v++) vst1q_s32(begin + n + 4 * v, vshlq_n_s32(sums[v], 7));
    }
  }
}

/// What the integer sums of a block begin with, row after row.
#define FIND_BEGIN(R, BEGIN_WITH_OUTLIERS)             \
  const int32_t *begin = t->begin + b * t->begin_step; \
  size_t begin_stride = 0;                             \
  if (t->outlier_blocks >> b & 1) {                    \
    BEGIN_WITH_OUTLIERS(t, R, b, own);                 \
    begin = own;                                       \
    begin_stride = 64;                                 \
  }

/// 4R sums of 16 columns in registers.
#define BEGIN_SUMS(R)                                                                                \
  int32x4_t sums[R][4];                                                                              \
  UNROLLED(size_t r = 0; r < R; r++) {                                                               \
    UNROLLED(size_t v = 0; v < 4; v++) sums[r][v] = vld1q_s32(begin + r * begin_stride + n + 4 * v); \
  }

/// Adds the products of w, four inputs of 16 outputs, and lane LANE of each row's 16 activations.
#define ADD_PRODUCTS(R, LANE)                                                                      \
  UNROLLED(size_t r = 0; r < R; r++) {                                                             \
    UNROLLED(size_t v = 0; v < 4; v++) sums[r][v] = vdotq_laneq_s32(sums[r][v], w[v], x[r], LANE); \
  }

/// The sums of the 16 columns as floats.
INLINE f32x16 floats(const int32x4_t sums[4]) {
  const float32x4_t v[4] = {
    vcvtq_f32_s32(sums[0]), vcvtq_f32_s32(sums[1]), vcvtq_f32_s32(sums[2]), vcvtq_f32_s32(sums[3])};
  f32x16 all;
  memcpy(&all, v, sizeof all);
  return all;
}

#define GROUP_Q8(R, LANE)                                                              \
  {                                                                                    \
    int8x16_t w[4];                                                                    \
    UNROLLED(size_t v = 0; v < 4; v++) w[v] = vld1q_s8(weights + 256 * LANE + 16 * v); \
    ADD_PRODUCTS(R, LANE)                                                              \
  }

/// R rows by 16 of the strip's columns at a time.
#define DEFINE_TILE_Q8(R)                                                           \
  static void tile_q8_##R(const tile *t) {                                          \
    int32_t own[R * 64];                                                            \
    for (size_t b = 0; b < t->blocks; b++) {                                        \
      const char *block = t->weights + b * Q8_BYTES;                                \
      FIND_BEGIN(R, begin_q8)                                                       \
      const char *ahead = t->ahead + b * t->ahead_step;                             \
      for (size_t n = 0; n < 64; n += 16) {                                         \
        ahead = fetch(t, ahead);                                                    \
        const int8_t *a = (const int8_t *)t->activations + b * CK_Q8_BLOCK;         \
        const int8_t *weights = (const int8_t *)block + Q8_HEADER + 4 * n;          \
        BEGIN_SUMS(R)                                                               \
        IN_TURN(size_t i = 0; i < CK_Q8_BLOCK; i += 16, a += 16, weights += 1024) { \
          int8x16_t x[R];                                                           \
          UNROLLED(size_t r = 0; r < R; r++) x[r] = vld1q_s8(a + r * t->stride);    \
          GROUP_Q8(R, 0) GROUP_Q8(R, 1) GROUP_Q8(R, 2) GROUP_Q8(R, 3)               \
        }                                                                           \
        const f32x16 step = bytes16((const uint8_t *)block + n);                    \
        UNROLLED(size_t r = 0; r < R; r++) {                                        \
          float *total = t->sums + 64 * r + n;                                      \
          store(total, fma16(floats(sums[r]), step, load(total)));                  \
        }                                                                           \
      }                                                                             \
    }                                                                               \
  }

DEFINE_TILE_Q8(1)
DEFINE_TILE_Q8(2)
DEFINE_TILE_Q8(3)
DEFINE_TILE_Q8(4)

#define GROUP_Q4(R, PAIR)                                                                  \
  {                                                                                        \
    int8x16_t w[4];                                                                        \
    UNROLLED(size_t v = 0; v < 4; v++) w[v] = low_nibbles(weights + 256 * PAIR + 16 * v);  \
    ADD_PRODUCTS(R, 2 * PAIR)                                                              \
    UNROLLED(size_t v = 0; v < 4; v++) w[v] = high_nibbles(weights + 256 * PAIR + 16 * v); \
    ADD_PRODUCTS(R, 2 * PAIR + 1)                                                          \
  }

/// As above; the bytes of a group of eight inputs hold the first four in their low bits, the others in their high ones.
#define DEFINE_TILE_Q4(R)                                                                          \
  static void tile_q4_##R(const tile *t) {                                                         \
    int32_t own[R * 64];                                                                           \
    for (size_t b = 0; b < t->blocks; b++) {                                                       \
      const char *block = t->weights + b * Q4_BYTES;                                               \
      FIND_BEGIN(R, begin_q4)                                                                      \
      fetch(t, t->ahead + b * t->ahead_step);                                                      \
      for (size_t n = 0; n < 64; n += 16) {                                                        \
        const int8_t *a = (const int8_t *)t->activations + b * CK_Q4_BLOCK;                        \
        const int8_t *weights = (const int8_t *)block + Q4_HEADER + 4 * n;                         \
        BEGIN_SUMS(R)                                                                              \
        IN_TURN(size_t i = 0; i < CK_Q4_BLOCK; i += 16, a += 16, weights += 512) {                 \
          int8x16_t x[R];                                                                          \
          UNROLLED(size_t r = 0; r < R; r++) x[r] = vld1q_s8(a + r * t->stride);                   \
          GROUP_Q4(R, 0) GROUP_Q4(R, 1)                                                            \
        }                                                                                          \
        const f32x16 step = bytes16((const uint8_t *)block + n);                                   \
        const f32x16 minimum = bytes16((const uint8_t *)block + 64 + n) * all(-8.0f);              \
        UNROLLED(size_t r = 0; r < R; r++) {                                                       \
          float *total = t->sums + 64 * r + n;                                                     \
          const f32x16 products = fma16(floats(sums[r]), step, load(total));                       \
          store(total, fma16(minimum, all(t->block_sums[r * t->block_sum_stride + b]), products)); \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
  }

DEFINE_TILE_Q4(1)
DEFINE_TILE_Q4(2)
DEFINE_TILE_Q4(3)
DEFINE_TILE_Q4(4)

static const tile_format q8_format = {
  .inputs = CK_Q8_BLOCK,
  .bytes = Q8_BYTES,
  .bursts = 4,
  .prepare = prepare_q8,
  .most_rows = 4,
  .tiles = {tile_q8_1, tile_q8_2, tile_q8_3, tile_q8_4},
};

static const tile_format q4_format = {
  .inputs = CK_Q4_BLOCK,
  .bytes = Q4_BYTES,
  .bursts = 1,
  .prepare = prepare_q4,
  .most_rows = 4,
  .tiles = {tile_q4_1, tile_q4_2, tile_q4_3, tile_q4_4},
};

static void neon_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  multiply_bytes(&q8_format, m, rows, strip, output, out, ldo);
}

static void neon_linear_q4(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  multiply_bytes(&q4_format, m, rows, strip, output, out, ldo);
}

DEFINE_TILE_F32(1, 4)
DEFINE_TILE_F32(2, 2)
DEFINE_TILE_F32(3, 1)
DEFINE_TILE_F32(4, 1)

static void neon_linear_f32(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const float *weights = (const float *)m->weights + strip * m->inputs * 64;
  const size_t n = strip * 64, tiles = parts_of(rows->count, 4);
  for (size_t i = 0, r = 0; i < tiles; i++) {
    const size_t count = evenly(rows->count, tiles, i);
    switch (count) {
      case 1: tile_f32_1(m, rows, r, weights, n, output, out, ldo); break;
      case 2: tile_f32_2(m, rows, r, weights, n, output, out, ldo); break;
      case 3: tile_f32_3(m, rows, r, weights, n, output, out, ldo); break;
      case 4: tile_f32_4(m, rows, r, weights, n, output, out, ldo); break;
    }
    r += count;
  }
}
#pragma clang attribute pop

const ck_kernels ck_neon_kernels = {
  .activation_bytes = 1,
  .splits_outliers = 1,
  .quantize = neon_quantize,
  .linear = {neon_linear_f32, neon_linear_q8, neon_linear_q4},
  .layer_norm = wide_layer_norm,
  .gelu = wide_gelu,
  .append = WIDE_APPEND,
  .attend = WIDE_ATTEND,
  .argmax = wide_argmax,
  .weights = wide_weights,
};
#endif
