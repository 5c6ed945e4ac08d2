/// AVX-512 with VNNI: 32 registers of 16 floats, and `vpdpbusd`, which adds four products of unsigned by
/// signed bytes to each 32-bit lane without saturating in between.
///
/// `CK_SIMDE` builds the same code without the target region, with SIMDe in the place of the instructions, so
/// that it can be checked on machines that lack them.
#include "kernels.h"

#if defined(__x86_64__)
#if defined(CK_SIMDE)
#include <simde/x86/avx512.h>
#define __m512i simde__m512i
#define _mm512_setzero_si512 simde_mm512_setzero_si512
#define _mm512_loadu_si512 simde_mm512_loadu_si512
#define _mm512_storeu_si512 simde_mm512_storeu_si512
#define _mm512_set1_epi32 simde_mm512_set1_epi32
#define _mm512_dpbusd_epi32 simde_mm512_dpbusd_epi32
#else
#include <immintrin.h>
#endif

#pragma clang diagnostic ignored "-Wpsabi"
#if !defined(CK_SIMDE)
#pragma clang attribute push(                                                                      \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,bmi2"))),     \
  apply_to = function)
#endif
#include "wide.h"

static void avx512_quantize(const float *x, size_t padded, void *quantized, float *scale, int32_t *zero) {
  typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
  typedef uint8_t u8x16_at __attribute__((ext_vector_type(16), aligned(1), may_alias));
  uint8_t *q = quantized;
  float inverse, origin;
  *scale = row_range(x, padded, &inverse, &origin);
  *zero = (int32_t)origin;
  for (size_t i = 0; i < padded; i += 16) {
    *(u8x16_at *)(q + i) = __builtin_convertvector(quantized16(load(x + i), inverse, origin), u8x16);
  }
}

/// Defines `tile_q8_<R>`: R rows by 64 columns, 4R sums in registers.
#define DEFINE_TILE_Q8(R)                                                                               \
  INLINE void tile_q8_##R(                                                                              \
    const ck_matrix *m, const ck_rows *rows, size_t row, const int8_t *w, size_t n, ck_output output,   \
    float *out, size_t ldo                                                                              \
  ) {                                                                                                   \
    const char *a = (const char *)rows->data + row * rows->stride;                                      \
    const size_t lda = rows->stride, steps = ck_padded(m->inputs) / 4;                                  \
    __m512i sums[R][4];                                                                                 \
    _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                                  \
      _Pragma("unroll") for (size_t v = 0; v < 4; v++) sums[r][v] = _mm512_setzero_si512();             \
    }                                                                                                   \
    for (size_t i = 0; i < steps; i++, w += 256) {                                                      \
      __m512i packed[4];                                                                                \
      _Pragma("unroll") for (size_t v = 0; v < 4; v++) {                                                \
        _mm_prefetch((const char *)w + 4096 + 64 * v, _MM_HINT_T0);                                     \
        packed[v] = _mm512_loadu_si512((const void *)(w + 64 * v));                                     \
      }                                                                                                 \
      _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                                \
        __m512i x = _mm512_set1_epi32(*(const int32_t *)(a + r * lda + 4 * i));                         \
        _Pragma("unroll") for (size_t v = 0; v < 4; v++) {                                              \
          sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], x, packed[v]);                                   \
        }                                                                                               \
      }                                                                                                 \
    }                                                                                                   \
    for (size_t r = 0; r < R; r++) {                                                                    \
      for (size_t v = 0; v < 4; v++) {                                                                  \
        int32_t lanes[16];                                                                              \
        _mm512_storeu_si512((void *)lanes, sums[r][v]);                                                 \
        size_t at = n + 16 * v;                                                                         \
        finish_q8(lanes, m, rows, row + r, at, output, out + (row + r) * ldo + at);                     \
      }                                                                                                 \
    }                                                                                                   \
  }

DEFINE_TILE_Q8(1)
DEFINE_TILE_Q8(2)
DEFINE_TILE_Q8(3)
DEFINE_TILE_Q8(4)
DEFINE_TILE_Q8(5)
DEFINE_TILE_Q8(6)

DEFINE_TILE_F32(1, 4)
DEFINE_TILE_F32(2, 4)
DEFINE_TILE_F32(3, 4)
DEFINE_TILE_F32(4, 4)
DEFINE_TILE_F32(5, 4)
DEFINE_TILE_F32(6, 4)

/// Calls the tile of six rows as often as it fits, then the one for the rest.
#define EACH_TILE(TILE)                                                                  \
  size_t r = 0, n = strip * 64;                                                          \
  for (; r + 6 <= rows->count; r += 6) TILE##6(m, rows, r, weights, n, output, out, ldo); \
  switch (rows->count - r) {                                                             \
    case 1: TILE##1(m, rows, r, weights, n, output, out, ldo); break;                    \
    case 2: TILE##2(m, rows, r, weights, n, output, out, ldo); break;                    \
    case 3: TILE##3(m, rows, r, weights, n, output, out, ldo); break;                    \
    case 4: TILE##4(m, rows, r, weights, n, output, out, ldo); break;                    \
    case 5: TILE##5(m, rows, r, weights, n, output, out, ldo); break;                    \
  }

static void avx512_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const int8_t *weights = (const int8_t *)m->weights + strip * ck_padded(m->inputs) * 64;
  EACH_TILE(tile_q8_)
}

static void avx512_linear_f32(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const float *weights = (const float *)m->weights + strip * m->inputs * 64;
  EACH_TILE(tile_f32_)
}
#if !defined(CK_SIMDE)
#pragma clang attribute pop
#endif

const ck_kernels ck_avx512vnni_kernels = {
  .activation_bytes = 1,
  .quantize = avx512_quantize,
  .linear_q8 = avx512_linear_q8,
  .linear_f32 = avx512_linear_f32,
  .layer_norm = wide_layer_norm,
  .gelu = wide_gelu,
  .softmax = wide_softmax,
  .append_f16 = wide_append_f16,
  .attend_f32 = wide_attend_f32,
  .attend_f16 = wide_attend_f16,
};
#endif
