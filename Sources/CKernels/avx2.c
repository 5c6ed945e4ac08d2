/// AVX2 with FMA and F16C: 16 registers of 8 floats.
///
/// `vpmaddubsw` would saturate on full-range operands, so activations are 16 bits and weights are widened: of the
/// 32-bit lane w0 w1 w2 w3 of one output, two shifts make the 16-bit pairs w0 w2 and w1 w3, and `vpmaddwd` with the
/// activations' pairs gives exact 32-bit sums. That an activation may be any 16-bit number comes free.
///
/// Few rows widen the weights in registers, as they stream by. Many rows share a panel: a block of a strip, widened
/// once into 8 KB that stay in the first cache while all rows go over them.
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi2"))), apply_to = function)
#include "wide.h"
#include "wide_attention.h"
#include "wide_sampling.h"

/// Up to so many rows weights are widened in registers; so many rows at most share a panel.
enum { FEW_ROWS_Q8 = 12, FEW_ROWS_Q4 = 8, MANY_ROWS = 128 };

/// Bytes by which weights are fetched ahead. Measured: a quarter and four times as much lose a few percent.
enum { AHEAD = 4096 };

// MARK: Activations

/// Four activations a0...a3 become the 16-bit lanes a0 a2 a1 a3.
static void avx2_quantize(const float *x, size_t padded, const ck_row *row) {
  const __m256i order = _mm256_setr_epi8(
    0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
  ck_grid grid = grid_of(x, padded);
  *row->scale = grid.scale;
  *row->zero = (int32_t)grid.zero;
  __m256i *q = row->data;
  for (size_t i = 0; i < padded; i += 32) {
    i32x16 halves[2];
    _Pragma("unroll") for (size_t h = 0; h < 2; h++) {
      f32x16 v = load(x + i + 16 * h);
      halves[h] = grid.outliers ? quantized16(v, &grid, 1) : quantized16(v, &grid, 0);
      __m256i a = (__m256i)halves[h].lo, b = (__m256i)halves[h].hi;
      __m256i lanes = _mm256_shuffle_epi8(_mm256_packs_epi32(a, b), order);
      _mm256_storeu_si256(q++, _mm256_permute4x64_epi64(lanes, 0xd8));
    }
    if (row->block_sums) row->block_sums[i / 32] = (float)__builtin_reduce_add(halves[0] + halves[1]);
  }
}

// MARK: Blocks

INLINE __m256i load256(const void *p) { return _mm256_loadu_si256(p); }
/// Two activations for all lanes.
INLINE __m256i pair(const char *a) {
  int32_t both;
  memcpy(&both, a, sizeof both);
  return _mm256_set1_epi32(both);
}
INLINE __m256i even(__m256i packed) { return _mm256_srai_epi16(_mm256_slli_epi16(packed, 8), 8); }
INLINE __m256i odd(__m256i packed) { return _mm256_srai_epi16(packed, 8); }
INLINE __m256 bytes8(const uint8_t *p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p)));
}

/// Minimums as what they add to a sum per unit of activation.
INLINE __m256 offsets8(const uint8_t *p) { return _mm256_mul_ps(bytes8(p), _mm256_set1_ps(-8.0f)); }

/// The sums of a strip's rows over the blocks so far, for each 16 outputs.
typedef struct strip_sums {
  _Alignas(64) float of[4][MANY_ROWS][16];
} strip_sums;

INLINE void clear(strip_sums *sums, size_t count) {
  for (size_t c = 0; c < 4; c++) memset(sums->of[c], 0, count * sizeof sums->of[c][0]);
}

INLINE void finish_rows(
  const strip_sums *sums, size_t count, const ck_matrix *m, const ck_rows *rows, size_t row, size_t strip,
  ck_output output, float *out, size_t ldo
) {
  for (size_t r = 0; r < count; r++) {
    for (size_t c = 0; c < 4; c++) {
      size_t n = strip * 64 + 16 * c;
      finish_quantized(load(sums->of[c][r]), m, rows, row + r, n, output, out + (row + r) * ldo + n);
    }
  }
}

/// Adds a block's integer sums of 8 outputs: integers · step, and for Q4 the block's activations · offset.
INLINE void add_block(__m256i integers, __m256 steps, float *sums) {
  _mm256_store_ps(sums, _mm256_fmadd_ps(_mm256_cvtepi32_ps(integers), steps, _mm256_load_ps(sums)));
}
INLINE void add_block_q4(__m256i integers, __m256 steps, __m256 offsets, const float *block_sum, float *sums) {
  __m256 sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(integers), steps, _mm256_load_ps(sums));
  _mm256_store_ps(sums, _mm256_fmadd_ps(offsets, _mm256_broadcast_ss(block_sum), sum));
}

/// Asks for line `line` of what will be read after `block`.
INLINE void fetch(const uint8_t *block, size_t line) {
  _mm_prefetch((const char *)block + AHEAD + 64 * line, _MM_HINT_T0);
}

#define UNROLL(I, COUNT) _Pragma("unroll") for (size_t I = 0; I < COUNT; I++)

/// Defines `few_q8_<R>`: a block of a strip for R rows, 8 · V outputs at a time. Per 32 weights 3 shifts, shared by
/// the rows, and 4 operations a row.
#define DEFINE_FEW_Q8(R, V)                                                                             \
  INLINE void few_q8_##R(const uint8_t *block, const char *a, size_t lda, strip_sums *sums, size_t row) { \
    fetch(block, 64);                                                                                   \
    for (size_t c = 0; c < 64; c += 8 * V) {                                                            \
      const uint8_t *w = block + 64 + 4 * c;                                                            \
      __m256i acc[R][V];                                                                                \
      UNROLL(r, R) UNROLL(v, V) acc[r][v] = _mm256_setzero_si256();                                         \
      UNROLL(i, CK_Q8_BLOCK / 4) {                                                                      \
        __m256i packed[V];                                                                              \
        UNROLL(v, V) {                                                                                    \
          if (v % 2 == 0) fetch(block, c + i * V / 2 + v / 2);                                          \
          packed[v] = even(load256(w + 256 * i + 32 * v));                                                        \
        }                                                                                               \
        UNROLL(r, R) {                                                                                    \
          __m256i x = pair(a + r * lda + 8 * i);                                                        \
          UNROLL(v, V) acc[r][v] = _mm256_add_epi32(acc[r][v], _mm256_madd_epi16(packed[v], x));          \
        }                                                                                               \
        UNROLL(v, V) packed[v] = odd(load256(w + 256 * i + 32 * v));                                                \
        UNROLL(r, R) {                                                                                    \
          __m256i x = pair(a + r * lda + 8 * i + 4);                                                    \
          UNROLL(v, V) acc[r][v] = _mm256_add_epi32(acc[r][v], _mm256_madd_epi16(packed[v], x));          \
        }                                                                                               \
      }                                                                                                 \
      UNROLL(v, V) {                                                                                      \
        size_t at = c + 8 * v;                                                                          \
        __m256 steps = bytes8(block + at);                                                              \
        UNROLL(r, R) add_block(acc[r][v], steps, sums->of[at / 16][row + r] + at % 16);                 \
      }                                                                                                 \
    }                                                                                                   \
  }

DEFINE_FEW_Q8(1, 8)
DEFINE_FEW_Q8(2, 2)
DEFINE_FEW_Q8(3, 2)
DEFINE_FEW_Q8(4, 2)

/// The pairs of a Q4 vector: low nibbles of bytes 0 and 2, of 1 and 3, then the high ones.
INLINE __m256i nibbles(__m256i packed, int which) {
  const __m256i mask = _mm256_set1_epi16(15);
  switch (which) {
    case 0: return _mm256_and_si256(packed, mask);
    case 1: return _mm256_and_si256(_mm256_srli_epi16(packed, 8), mask);
    case 2: return _mm256_and_si256(_mm256_srli_epi16(packed, 4), mask);
    default: return _mm256_srli_epi16(packed, 12);
  }
}

/// Defines `few_q4_<R>`, likewise.
#define DEFINE_FEW_Q4(R, V)                                                                             \
  INLINE void few_q4_##R(                                                                               \
    const uint8_t *block, const char *a, size_t lda, const float *block_sums, size_t lds,               \
    strip_sums *sums, size_t row                                                                        \
  ) {                                                                                                   \
    fetch(block, 16);                                                                                   \
    fetch(block, 17);                                                                                   \
    for (size_t c = 0; c < 64; c += 8 * V) {                                                            \
      const uint8_t *w = block + 128 + 4 * c;                                                           \
      __m256i acc[R][V];                                                                                \
      UNROLL(r, R) UNROLL(v, V) acc[r][v] = _mm256_setzero_si256();                                         \
      UNROLL(i, CK_Q4_BLOCK / 8) {                                                                      \
        UNROLL(v, V) {                                                                                    \
          if (v % 2 == 0) fetch(block, c / 4 + i * V / 2 + v / 2);                                      \
        }                                                                                               \
        UNROLL(p, 4) {                                                                                    \
          __m256i wide[V];                                                                              \
          UNROLL(v, V) wide[v] = nibbles(load256(w + 256 * i + 32 * v), (int)p);                                    \
          UNROLL(r, R) {                                                                                  \
            __m256i x = pair(a + r * lda + 16 * i + 4 * p);                                             \
            UNROLL(v, V) acc[r][v] = _mm256_add_epi32(acc[r][v], _mm256_madd_epi16(wide[v], x));          \
          }                                                                                             \
        }                                                                                               \
      }                                                                                                 \
      UNROLL(v, V) {                                                                                      \
        size_t at = c + 8 * v;                                                                          \
        __m256 steps = bytes8(block + at), offsets = offsets8(block + 64 + at);                         \
        UNROLL(r, R) {                                                                                  \
          add_block_q4(                                                                                 \
            acc[r][v], steps, offsets, block_sums + r * lds, sums->of[at / 16][row + r] + at % 16);     \
        }                                                                                               \
      }                                                                                                 \
    }                                                                                                   \
  }

DEFINE_FEW_Q4(1, 8)
DEFINE_FEW_Q4(2, 2)
DEFINE_FEW_Q4(3, 2)
DEFINE_FEW_Q4(4, 2)

// MARK: Panels

/// A quarter of a block, widened: the pairs of the inputs of 16 outputs, `[32 or 16][16][2]`.
typedef struct panel {
  _Alignas(64) int16_t pairs[32 * 32];
} panel;

INLINE void widen_q8(const uint8_t *w, panel *to) {
  __m256i *out = (__m256i *)to->pairs;
  for (size_t i = 0; i < CK_Q8_BLOCK / 4; i++, w += 256, out += 4) {
    _mm_prefetch((const char *)w + AHEAD, _MM_HINT_T0);
    __m256i a = load256(w), b = load256(w + 32);
    out[0] = even(a);
    out[1] = even(b);
    out[2] = odd(a);
    out[3] = odd(b);
  }
}

INLINE void widen_q4(const uint8_t *w, panel *to) {
  __m256i *out = (__m256i *)to->pairs;
  for (size_t i = 0; i < CK_Q4_BLOCK / 8; i++, w += 256, out += 8) {
    _mm_prefetch((const char *)w + AHEAD, _MM_HINT_T0);
    __m256i a = load256(w), b = load256(w + 32);
    UNROLL(p, 4) {
      out[2 * p] = nibbles(a, (int)p);
      out[2 * p + 1] = nibbles(b, (int)p);
    }
  }
}

/// Defines `panel_q8_<R>` and `panel_q4_<R>`: R rows by the 16 outputs of a panel. Without any loop, whose end the
/// processor would guess wrong.
#define PANEL_TILE(R, PAIRS)                                                                            \
  __m256i acc[R][2];                                                                                    \
  UNROLL(r, R) UNROLL(v, 2) acc[r][v] = _mm256_setzero_si256();                                         \
  UNROLL(p, PAIRS) {                                                                                    \
    __m256i w[2] = {load256(panel->pairs + 32 * p), load256(panel->pairs + 32 * p + 16)};               \
    UNROLL(r, R) {                                                                                      \
      __m256i x = pair(a + r * lda + 4 * p);                                                            \
      UNROLL(v, 2) acc[r][v] = _mm256_add_epi32(acc[r][v], _mm256_madd_epi16(w[v], x));                 \
    }                                                                                                   \
  }

#define DEFINE_PANEL(R)                                                                                 \
  INLINE void panel_q8_##R(                                                                             \
    const panel *panel, const __m256 steps[2], const char *a, size_t lda, float *sums                   \
  ) {                                                                                                   \
    PANEL_TILE(R, 32)                                                                                   \
    UNROLL(r, R) UNROLL(v, 2) add_block(acc[r][v], steps[v], sums + 16 * r + 8 * v);                    \
  }                                                                                                     \
  INLINE void panel_q4_##R(                                                                             \
    const panel *panel, const __m256 steps[2], const __m256 offsets[2], const char *a, size_t lda,      \
    const float *block_sums, size_t lds, float *sums                                                    \
  ) {                                                                                                   \
    PANEL_TILE(R, 16)                                                                                   \
    UNROLL(r, R) UNROLL(v, 2) {                                                                         \
      add_block_q4(acc[r][v], steps[v], offsets[v], block_sums + r * lds, sums + 16 * r + 8 * v);       \
    }                                                                                                   \
  }

DEFINE_PANEL(1)
DEFINE_PANEL(2)
DEFINE_PANEL(3)
DEFINE_PANEL(4)

// MARK: Strips

/// Calls NAME4 for four rows as often as it fits, then others for the rest. Two times three is faster than four and one
/// or two.
#define EACH_FOUR(NAME, COUNT, ...)                             \
  for (size_t r = 0, take; r < COUNT; r += take) {              \
    const size_t left = COUNT - r;                              \
    take = left == 5 || left == 6 ? 3 : left < 4 ? left : 4;    \
    switch (take) {                                             \
      case 1: NAME##1(__VA_ARGS__); break;                      \
      case 2: NAME##2(__VA_ARGS__); break;                      \
      case 3: NAME##3(__VA_ARGS__); break;                      \
      default: NAME##4(__VA_ARGS__); break;                     \
    }                                                           \
  }

static void avx2_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const size_t blocks = ck_padded(m->inputs) / CK_Q8_BLOCK, block_bytes = 64 + 64 * CK_Q8_BLOCK;
  const size_t lda = rows->stride;
  const uint8_t *weights = (const uint8_t *)m->weights + strip * blocks * block_bytes;
  strip_sums sums;
  for (size_t row = 0; row < rows->count; row += MANY_ROWS) {
    const size_t count = rows->count - row < MANY_ROWS ? rows->count - row : MANY_ROWS;
    const char *a = (const char *)rows->data + row * lda;
    clear(&sums, count);
    for (size_t b = 0; b < blocks; b++, a += 2 * CK_Q8_BLOCK) {
      const uint8_t *block = weights + b * block_bytes;
      if (count <= FEW_ROWS_Q8) {
        EACH_FOUR(few_q8_, count, block, a + r * lda, lda, &sums, r)
        continue;
      }
      for (size_t c = 0; c < 4; c++) {
        panel panel;
        widen_q8(block + 64 + 64 * c, &panel);
        const __m256 steps[2] = {bytes8(block + 16 * c), bytes8(block + 16 * c + 8)};
        EACH_FOUR(panel_q8_, count, &panel, steps, a + r * lda, lda, sums.of[c][r])
      }
    }
    finish_rows(&sums, count, m, rows, row, strip, output, out, ldo);
  }
}

static void avx2_linear_q4(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const size_t blocks = ck_padded(m->inputs) / CK_Q4_BLOCK, block_bytes = 128 + 32 * CK_Q4_BLOCK;
  const size_t lda = rows->stride, lds = blocks;
  const uint8_t *weights = (const uint8_t *)m->weights + strip * blocks * block_bytes;
  strip_sums sums;
  for (size_t row = 0; row < rows->count; row += MANY_ROWS) {
    const size_t count = rows->count - row < MANY_ROWS ? rows->count - row : MANY_ROWS;
    const char *a = (const char *)rows->data + row * lda;
    const float *s = rows->block_sums + row * lds;
    clear(&sums, count);
    for (size_t b = 0; b < blocks; b++, a += 2 * CK_Q4_BLOCK, s++) {
      const uint8_t *block = weights + b * block_bytes;
      if (count <= FEW_ROWS_Q4) {
        EACH_FOUR(few_q4_, count, block, a + r * lda, lda, s + r * lds, lds, &sums, r)
        continue;
      }
      for (size_t c = 0; c < 4; c++) {
        panel panel;
        widen_q4(block + 128 + 64 * c, &panel);
        const __m256 steps[2] = {bytes8(block + 16 * c), bytes8(block + 16 * c + 8)};
        const __m256 offsets[2] = {offsets8(block + 64 + 16 * c), offsets8(block + 64 + 16 * c + 8)};
        EACH_FOUR(panel_q4_, count, &panel, steps, offsets, a + r * lda, lda, s + r * lds, lds, sums.of[c][r])
      }
    }
    finish_rows(&sums, count, m, rows, row, strip, output, out, ldo);
  }
}

// MARK: Floats

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
  .linear = {avx2_linear_f32, avx2_linear_q8, avx2_linear_q4},
  .layer_norm = wide_layer_norm,
  .gelu = wide_gelu,
  .append = WIDE_APPEND,
  .attend = WIDE_ATTEND,
  .argmax = wide_argmax,
  .weights = wide_weights,
};
#endif
