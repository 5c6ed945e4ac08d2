/// NEON with the dot product of bytes (Armv8.2 and later): 32 registers of 4 floats.
#include "kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#include "wide.h"

/// `sdot` multiplies signed bytes: activations are stored 128 lower, and so is their zero point, which leaves
/// Σ(a − z)w as it is.
static void neon_quantize(const float *x, size_t padded, void *quantized, float *scale, int32_t *zero) {
  typedef int8_t s8x16 __attribute__((ext_vector_type(16)));
  typedef int8_t s8x16_at __attribute__((ext_vector_type(16), aligned(1), may_alias));
  int8_t *q = quantized;
  float inverse, origin;
  *scale = row_range(x, padded, &inverse, &origin);
  *zero = (int32_t)origin - 128;
  for (size_t i = 0; i < padded; i += 16) {
    *(s8x16_at *)(q + i) = __builtin_convertvector(quantized16(load(x + i), inverse, origin) - 128, s8x16);
  }
}

/// Four inputs of 16 outputs, with lane LANE of each row's 16 activations.
#define DOT(R, LANE)                                                                                    \
  {                                                                                                     \
    int8x16_t packed[4];                                                                                \
    _Pragma("unroll") for (size_t v = 0; v < 4; v++) packed[v] = vld1q_s8(w + 256 * LANE + 16 * v);     \
    _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                                  \
      _Pragma("unroll") for (size_t v = 0; v < 4; v++) {                                                \
        sums[r][v] = vdotq_laneq_s32(sums[r][v], packed[v], x[r], LANE);                                \
      }                                                                                                 \
    }                                                                                                   \
  }

/// Defines `tile_q8_<R>`: R rows by 16 columns at a time, 4R sums in registers.
#define DEFINE_TILE_Q8(R)                                                                               \
  INLINE void tile_q8_##R(                                                                              \
    const ck_matrix *m, const ck_rows *rows, size_t row, const int8_t *weights, size_t n, ck_output output, \
    float *out, size_t ldo                                                                              \
  ) {                                                                                                   \
    const int8_t *a = (const int8_t *)rows->data + row * rows->stride;                                  \
    const size_t lda = rows->stride, inputs = ck_padded(m->inputs);                                     \
    for (size_t c = 0; c < 64; c += 16) {                                                               \
      int32x4_t sums[R][4];                                                                             \
      _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                                \
        _Pragma("unroll") for (size_t v = 0; v < 4; v++) sums[r][v] = vdupq_n_s32(0);                   \
      }                                                                                                 \
      const int8_t *w = weights + 4 * c;                                                                \
      for (size_t i = 0; i < inputs; i += 16, w += 1024) {                                              \
        int8x16_t x[R];                                                                                 \
        _Pragma("unroll") for (size_t r = 0; r < R; r++) x[r] = vld1q_s8(a + r * lda + i);              \
        DOT(R, 0) DOT(R, 1) DOT(R, 2) DOT(R, 3)                                                         \
      }                                                                                                 \
      for (size_t r = 0; r < R; r++) {                                                                  \
        int32_t lanes[16];                                                                              \
        for (size_t v = 0; v < 4; v++) vst1q_s32(lanes + 4 * v, sums[r][v]);                            \
        finish_q8(lanes, m, rows, row + r, n + c, output, out + (row + r) * ldo + n + c);               \
      }                                                                                                 \
    }                                                                                                   \
  }

DEFINE_TILE_Q8(1)
DEFINE_TILE_Q8(2)
DEFINE_TILE_Q8(3)
DEFINE_TILE_Q8(4)

DEFINE_TILE_F32(1, 4)
DEFINE_TILE_F32(2, 2)
DEFINE_TILE_F32(3, 1)
DEFINE_TILE_F32(4, 1)

/// Calls the tile of four rows as often as it fits, then the one for the rest.
#define EACH_TILE(TILE)                                                                   \
  size_t r = 0, n = strip * 64;                                                           \
  for (; r + 4 <= rows->count; r += 4) TILE##4(m, rows, r, weights, n, output, out, ldo); \
  switch (rows->count - r) {                                                              \
    case 1: TILE##1(m, rows, r, weights, n, output, out, ldo); break;                     \
    case 2: TILE##2(m, rows, r, weights, n, output, out, ldo); break;                     \
    case 3: TILE##3(m, rows, r, weights, n, output, out, ldo); break;                     \
  }

static void neon_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const int8_t *weights = (const int8_t *)m->weights + strip * ck_padded(m->inputs) * 64;
  EACH_TILE(tile_q8_)
}

static void neon_linear_f32(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const float *weights = (const float *)m->weights + strip * m->inputs * 64;
  EACH_TILE(tile_f32_)
}
#pragma clang attribute pop

const ck_kernels ck_neon_kernels = {
  .activation_bytes = 1,
  .quantize = neon_quantize,
  .linear_q8 = neon_linear_q8,
  .linear_f32 = neon_linear_f32,
  .layer_norm = wide_layer_norm,
  .gelu = wide_gelu,
  .softmax = wide_softmax,
  .append_f16 = wide_append_f16,
  .attend_f32 = wide_attend_f32,
  .attend_f16 = wide_attend_f16,
};
#endif
