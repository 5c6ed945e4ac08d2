/// AVX-512 with VNNI: 32 registers of 16 floats, and `vpdpbusd`, which adds four products of unsigned by signed bytes
/// to each 32-bit lane without saturating in between.
///
/// `CK_SIMDE` builds the same code without the target region, with SIMDe in the place of that instruction, so that it
/// can be checked on machines that lack it.
#include "kernels.h"

#if defined(__x86_64__)
#if defined(CK_SIMDE)
#include <simde/x86/avx512.h>
#define __m512i simde__m512i
#define _mm512_dpbusd_epi32 simde_mm512_dpbusd_epi32
#else
#include <immintrin.h>
#endif

#pragma clang diagnostic ignored "-Wpsabi"
#if !defined(CK_SIMDE)
#pragma clang attribute push( \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,bmi2"))), apply_to = function)
#endif
#include "wide.h"
#include "byte_tiles.h"
// 16 sums of 16 floats, which leaves registers for two vectors of keys.
#define WIDE_QUERIES 8
#define WIDE_VECTORS 2
#include "wide_attention.h"
#include "wide_sampling.h"

static void avx512_quantize(const float *x, size_t padded, const ck_row *row) { quantize_bytes(x, padded, row, 0); }

/// Adds the products of four activations, one in each byte of x, and 16 outputs' four weights.
INLINE i32x16 dot4(i32x16 sums, i32x16 x, i32x16 w) {
  return __builtin_bit_cast(
    i32x16, _mm512_dpbusd_epi32(
              __builtin_bit_cast(__m512i, sums), __builtin_bit_cast(__m512i, x), __builtin_bit_cast(__m512i, w)));
}

INLINE i32x16 load_ints(const void *p) { return *(const i32x16_at *)p; }

#define UNROLLED _Pragma("clang loop unroll(full)") for
/// Unrolled, loads would move up until the registers that the sums need are gone.
#define IN_TURN _Pragma("clang loop unroll(disable)") for

/// 4R sums in registers, set to what the block begins with.
#define BEGIN_SUMS(R, BEGIN_WITH_OUTLIERS)                                                        \
  const int32_t *begin = t->begin + b * t->begin_step;                                            \
  size_t begin_stride = 0;                                                                        \
  if (t->outlier_blocks >> b & 1) {                                                               \
    BEGIN_WITH_OUTLIERS(t, R, b, own);                                                            \
    begin = own;                                                                                  \
    begin_stride = 64;                                                                            \
  }                                                                                               \
  i32x16 sums[R][4];                                                                              \
  UNROLLED(size_t r = 0; r < R; r++) {                                                            \
    UNROLLED(size_t v = 0; v < 4; v++) sums[r][v] = load_ints(begin + r * begin_stride + 16 * v); \
  }

/// Adds four inputs, the ones at `a + AT` of each row, to the sums.
#define ADD_PRODUCTS(R, AT)                                                    \
  UNROLLED(size_t r = 0; r < R; r++) {                                         \
    const i32x16 x = (i32x16)(*(const int32_t *)(a + r * stride + (AT)));      \
    UNROLLED(size_t v = 0; v < 4; v++) sums[r][v] = dot4(sums[r][v], x, w[v]); \
  }

/// R rows by the strip's 64 columns.
#define DEFINE_TILE_Q8(R)                                                                      \
  static void tile_q8_##R(const tile *t) {                                                     \
    _Alignas(64) int32_t own[R * 64];                                                          \
    const char *a = t->activations, *weights = t->weights;                                     \
    const size_t stride = t->stride, blocks = t->blocks;                                       \
    float *const totals = t->sums;                                                             \
    for (size_t b = 0; b < blocks; b++) {                                                      \
      BEGIN_SUMS(R, begin_q8)                                                                  \
      const uint8_t *steps = (const uint8_t *)weights;                                         \
      weights += Q8_HEADER;                                                                    \
      const char *ahead = t->ahead + b * t->ahead_step;                                        \
      IN_TURN(size_t burst = 0; burst < 4; burst++) {                                          \
        ahead = fetch(t, ahead);                                                               \
        UNROLLED(size_t i = 0; i < CK_Q8_BLOCK / 4; i += 4) {                                  \
          i32x16 w[4];                                                                         \
          UNROLLED(size_t v = 0; v < 4; v++) w[v] = load_ints(weights + 64 * i + 64 * v);      \
          ADD_PRODUCTS(R, i)                                                                   \
        }                                                                                      \
        a += CK_Q8_BLOCK / 4;                                                                  \
        weights += 64 * CK_Q8_BLOCK / 4;                                                       \
      }                                                                                        \
      UNROLLED(size_t v = 0; v < 4; v++) {                                                     \
        const f32x16 step = bytes16(steps + 16 * v);                                           \
        UNROLLED(size_t r = 0; r < R; r++) {                                                   \
          float *total = totals + 64 * r + 16 * v;                                             \
          store(total, fma16(__builtin_convertvector(sums[r][v], f32x16), step, load(total))); \
        }                                                                                      \
      }                                                                                        \
    }                                                                                          \
  }

DEFINE_TILE_Q8(1)
DEFINE_TILE_Q8(2)
DEFINE_TILE_Q8(3)
DEFINE_TILE_Q8(4)
DEFINE_TILE_Q8(5)
DEFINE_TILE_Q8(6)

/// As above; the bytes of a group of eight inputs hold the first four in their low bits, the others in their high ones.
#define DEFINE_TILE_Q4(R)                                                                                \
  static void tile_q4_##R(const tile *t) {                                                               \
    _Alignas(64) int32_t own[R * 64];                                                                    \
    const char *a = t->activations, *weights = t->weights;                                               \
    const size_t stride = t->stride, blocks = t->blocks;                                                 \
    float *const totals = t->sums;                                                                       \
    for (size_t b = 0; b < blocks; b++) {                                                                \
      BEGIN_SUMS(R, begin_q4)                                                                            \
      const uint8_t *steps = (const uint8_t *)weights, *minimums = steps + 64;                           \
      const float *block_sums = t->block_sums + b;                                                       \
      const size_t block_sum_stride = t->block_sum_stride;                                               \
      weights += Q4_HEADER;                                                                              \
      fetch(t, t->ahead + b * t->ahead_step);                                                            \
      IN_TURN (size_t i = 0; i < CK_Q4_BLOCK; i += 8) {                                                  \
        i32x16 w[4];                                                                                     \
        UNROLLED(size_t v = 0; v < 4; v++) w[v] = load_ints(weights + 64 * v) & 0x0f0f0f0f;              \
        ADD_PRODUCTS(R, 0)                                                                               \
        /* Read again: kept, they would need registers that the sums have. */                            \
        __asm__("" : "+r"(weights));                                                                     \
        UNROLLED(size_t v = 0; v < 4; v++) w[v] = load_ints(weights + 64 * v) >> 4 & 0x0f0f0f0f;         \
        ADD_PRODUCTS(R, 4)                                                                               \
        a += 8;                                                                                          \
        weights += 256;                                                                                  \
      }                                                                                                  \
      UNROLLED(size_t v = 0; v < 4; v++) {                                                               \
        const f32x16 step = bytes16(steps + 16 * v), minimum = bytes16(minimums + 16 * v) * all(-8.0f);  \
        UNROLLED(size_t r = 0; r < R; r++) {                                                             \
          float *total = totals + 64 * r + 16 * v;                                                       \
          const f32x16 products = fma16(__builtin_convertvector(sums[r][v], f32x16), step, load(total)); \
          store(total, fma16(minimum, all(block_sums[r * block_sum_stride]), products));                 \
        }                                                                                                \
      }                                                                                                  \
    }                                                                                                    \
  }

DEFINE_TILE_Q4(1)
DEFINE_TILE_Q4(2)
DEFINE_TILE_Q4(3)
DEFINE_TILE_Q4(4)
DEFINE_TILE_Q4(5)
DEFINE_TILE_Q4(6)

static const tile_format q8_format = {
  .inputs = CK_Q8_BLOCK,
  .bytes = Q8_BYTES,
  .bursts = 4,
  .most_rows = 6,
  .tiles = {tile_q8_1, tile_q8_2, tile_q8_3, tile_q8_4, tile_q8_5, tile_q8_6},
};

static const tile_format q4_format = {
  .inputs = CK_Q4_BLOCK,
  .bytes = Q4_BYTES,
  .bursts = 1,
  .most_rows = 6,
  .tiles = {tile_q4_1, tile_q4_2, tile_q4_3, tile_q4_4, tile_q4_5, tile_q4_6},
};

static void avx512_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  multiply_bytes(&q8_format, m, rows, strip, output, out, ldo);
}

static void avx512_linear_q4(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  multiply_bytes(&q4_format, m, rows, strip, output, out, ldo);
}

DEFINE_TILE_F32(1, 4)
DEFINE_TILE_F32(2, 4)
DEFINE_TILE_F32(3, 4)
DEFINE_TILE_F32(4, 4)
DEFINE_TILE_F32(5, 4)
DEFINE_TILE_F32(6, 4)

static void avx512_linear_f32(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const float *weights = (const float *)m->weights + strip * m->inputs * 64;
  const size_t n = strip * 64, tiles = parts_of(rows->count, 6);
  for (size_t i = 0, r = 0; i < tiles; i++) {
    const size_t count = evenly(rows->count, tiles, i);
    switch (count) {
      case 1: tile_f32_1(m, rows, r, weights, n, output, out, ldo); break;
      case 2: tile_f32_2(m, rows, r, weights, n, output, out, ldo); break;
      case 3: tile_f32_3(m, rows, r, weights, n, output, out, ldo); break;
      case 4: tile_f32_4(m, rows, r, weights, n, output, out, ldo); break;
      case 5: tile_f32_5(m, rows, r, weights, n, output, out, ldo); break;
      case 6: tile_f32_6(m, rows, r, weights, n, output, out, ldo); break;
    }
    r += count;
  }
}
#if !defined(CK_SIMDE)
#pragma clang attribute pop
#endif

const ck_kernels ck_avx512vnni_kernels = {
  .activation_bytes = 1,
  .splits_outliers = 1,
  .quantize = avx512_quantize,
  .linear = {avx512_linear_f32, avx512_linear_q8, avx512_linear_q4},
  .layer_norm = wide_layer_norm,
  .gelu = wide_gelu,
  .append = WIDE_APPEND,
  .attend = WIDE_ATTEND,
  .argmax = wide_argmax,
  .weights = wide_weights,
};
#endif
