/// AVX2 with FMA and F16C: 16 registers of 8 floats.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi2"))), apply_to = function)
#include "wide.h"

/// Four activations a0...a3 become the 16-bit lanes a0 a2 a1 a3, see `tile_q8`.
static void avx2_quantize(const float *x, size_t padded, void *quantized, float *scale, int32_t *zero) {
  uint16_t *q = quantized;
  float inverse, origin;
  *scale = row_range(x, padded, &inverse, &origin);
  *zero = (int32_t)origin;
  for (size_t i = 0; i < padded; i += 16) {
    i32x16 v = quantized16(load(x + i), inverse, origin);
    v = __builtin_shufflevector(v, v, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
    typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
    typedef uint16_t u16x16_at __attribute__((ext_vector_type(16), aligned(2), may_alias));
    *(u16x16_at *)(q + i) = __builtin_convertvector(v, u16x16);
  }
}

/// Bytes by which weights are fetched ahead: the time of the arithmetic on them is that of an access to
/// memory.
enum { AHEAD = 8192 };

/// Defines `tile_q8_<R>`: R rows by 8 · V columns at a time.
///
/// `vpmaddubsw` would saturate on full-range operands, so weights are widened: of the 32-bit lane w0 w1 w2 w3
/// of one output, two shifts make the 16-bit pairs w0 w2 and w1 w3, and `vpmaddwd` with the activations'
/// pairs adds straight into the output's 32-bit sum. Per 32 weights 3 shifts, shared by the rows, and 4
/// operations a row.
#define DEFINE_TILE_Q8(R, V)                                                                            \
  INLINE void tile_q8_##R(                                                                              \
    const ck_matrix *m, const ck_rows *rows, size_t row, const int8_t *weights, size_t n, ck_output output, \
    float *out, size_t ldo                                                                              \
  ) {                                                                                                   \
    const char *a = (const char *)rows->data + row * rows->stride;                                      \
    const size_t lda = rows->stride, steps = ck_padded(m->inputs) / 4;                                  \
    for (size_t c = 0; c < 64; c += 8 * V) {                                                            \
      __m256i sums[R][V];                                                                               \
      _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                                \
        _Pragma("unroll") for (size_t v = 0; v < V; v++) sums[r][v] = _mm256_setzero_si256();           \
      }                                                                                                 \
      const int8_t *w = weights + 4 * c;                                                                \
      for (size_t i = 0; i < steps; i++, w += 256) {                                                    \
        __m256i even[V], odd[V];                                                                        \
        _Pragma("unroll") for (size_t v = 0; v < V; v++) {                                              \
          if (v % 2 == 0) _mm_prefetch((const char *)w + 32 * v + AHEAD, _MM_HINT_T0);                  \
          __m256i packed = _mm256_loadu_si256((const __m256i *)(w + 32 * v));                           \
          even[v] = _mm256_srai_epi16(_mm256_slli_epi16(packed, 8), 8);                                 \
          odd[v] = _mm256_srai_epi16(packed, 8);                                                        \
        }                                                                                               \
        _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                              \
          const int32_t *pairs = (const int32_t *)(a + r * lda + 8 * i);                                \
          __m256i a02 = _mm256_set1_epi32(pairs[0]), a13 = _mm256_set1_epi32(pairs[1]);                 \
          _Pragma("unroll") for (size_t v = 0; v < V; v++) {                                            \
            sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(even[v], a02));                 \
            sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(odd[v], a13));                  \
          }                                                                                             \
        }                                                                                               \
      }                                                                                                 \
      for (size_t r = 0; r < R; r++) {                                                                  \
        for (size_t v = 0; v < V; v += 2) {                                                             \
          int32_t pair[16];                                                                             \
          _mm256_storeu_si256((__m256i *)pair, sums[r][v]);                                             \
          _mm256_storeu_si256((__m256i *)(pair + 8), sums[r][v + 1]);                                   \
          size_t at = n + c + 8 * v;                                                                    \
          finish_q8(pair, m, rows, row + r, at, output, out + (row + r) * ldo + at);                    \
        }                                                                                               \
      }                                                                                                 \
    }                                                                                                   \
  }

DEFINE_TILE_Q8(1, 8)
DEFINE_TILE_Q8(2, 4)
DEFINE_TILE_Q8(3, 2)
DEFINE_TILE_Q8(4, 2)

static void avx2_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const int8_t *weights = (const int8_t *)m->weights + strip * ck_padded(m->inputs) * 64;
  size_t r = 0, n = strip * 64;
  for (; r + 4 <= rows->count; r += 4) tile_q8_4(m, rows, r, weights, n, output, out, ldo);
  switch (rows->count - r) {
    case 1: tile_q8_1(m, rows, r, weights, n, output, out, ldo); break;
    case 2: tile_q8_2(m, rows, r, weights, n, output, out, ldo); break;
    case 3: tile_q8_3(m, rows, r, weights, n, output, out, ldo); break;
  }
}

DEFINE_TILE_F32(1, 4)
DEFINE_TILE_F32(2, 2)
DEFINE_TILE_F32(3, 1)
DEFINE_TILE_F32(4, 1)
DEFINE_TILE_F32(5, 1)
DEFINE_TILE_F32(6, 1)

static void avx2_linear_f32(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const float *weights = (const float *)m->weights + strip * m->inputs * 64;
  size_t r = 0, n = strip * 64;
  for (; r + 6 <= rows->count; r += 6) tile_f32_6(m, rows, r, weights, n, output, out, ldo);
  switch (rows->count - r) {
    case 1: tile_f32_1(m, rows, r, weights, n, output, out, ldo); break;
    case 2: tile_f32_2(m, rows, r, weights, n, output, out, ldo); break;
    case 3: tile_f32_3(m, rows, r, weights, n, output, out, ldo); break;
    case 4: tile_f32_4(m, rows, r, weights, n, output, out, ldo); break;
    case 5: tile_f32_5(m, rows, r, weights, n, output, out, ldo); break;
  }
}
#pragma clang attribute pop

const ck_kernels ck_avx2_kernels = {
  .activation_bytes = 2,
  .quantize = avx2_quantize,
  .linear_q8 = avx2_linear_q8,
  .linear_f32 = avx2_linear_f32,
  .layer_norm = wide_layer_norm,
  .gelu = wide_gelu,
  .softmax = wide_softmax,
  .append_f16 = wide_append_f16,
  .attend_f32 = wide_attend_f32,
  .attend_f16 = wide_attend_f16,
};
#endif
