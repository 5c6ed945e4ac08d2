/// The float kernels over vectors of 16 floats, which the compiler lays on two AVX2 registers or one of
/// AVX-512: written once, included by the file of each level inside its target region, bit for bit the same
/// at each.
///
/// A sum over a row is kept in 16 lanes and folded at the end in one fixed order; a sum over K or over
/// positions goes through them one by one. Neither depends on how many rows there are.
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "quantize.h"

#pragma STDC FP_CONTRACT OFF

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef float f32x4 __attribute__((ext_vector_type(4)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef float f32x16_at __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int32_t i32x16_at __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x16_at __attribute__((ext_vector_type(16), aligned(1), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE f32x16 load(const float *p) { return *(const f32x16_at *)p; }
INLINE void store(float *p, f32x16 v) { *(f32x16_at *)p = v; }
INLINE f32x16 all(float v) { return (f32x16)(v); }
INLINE f32x16 fma16(f32x16 a, f32x16 b, f32x16 c) { return __builtin_elementwise_fma(a, b, c); }
INLINE f32x16 bits(i32x16 v) { return __builtin_bit_cast(f32x16, v); }
INLINE i32x16 ints(f32x16 v) { return __builtin_bit_cast(i32x16, v); }
INLINE f32x16 larger(f32x16 a, f32x16 b) { return a > b ? a : b; }
INLINE f32x16 smaller(f32x16 a, f32x16 b) { return a < b ? a : b; }
INLINE f32x16 magnitude(f32x16 v) { return bits(ints(v) & 0x7fffffff); }
/// 16 bytes as floats: steps or minimums of a block.
INLINE f32x16 bytes16(const uint8_t *p) { return __builtin_convertvector(*(const u8x16_at *)p, f32x16); }

/// The first `count` lanes of v, and `other` in the rest.
INLINE f32x16 first(size_t count, f32x16 v, f32x16 other) {
  const i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane < (i32x16)((int32_t)count) ? v : other;
}

INLINE float fold(f32x16 v) {
  f32x8 a = v.lo + v.hi;
  f32x4 b = a.lo + a.hi;
  return (b.x + b.z) + (b.y + b.w);
}

INLINE float largest(f32x16 v) {
  f32x8 a = v.lo > v.hi ? v.lo : v.hi;
  f32x4 b = a.lo > a.hi ? a.lo : a.hi;
  float c = b.x > b.z ? b.x : b.z, d = b.y > b.w ? b.y : b.w;
  return c > d ? c : d;
}

/// e^x to about 1 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, and a polynomial for e^r (Cephes, expf).
INLINE f32x16 exp16(f32x16 x) {
  x = smaller(larger(x, all(-87.3f)), all(88.3f));
  f32x16 n = __builtin_elementwise_roundeven(x * all(1.44269504088896341f));
  f32x16 r = fma16(n, all(-0.693359375f), x);
  r = fma16(n, all(2.12194440e-4f), r);
  f32x16 p = all(1.9875691500e-4f);
  p = fma16(p, r, all(1.3981999507e-3f));
  p = fma16(p, r, all(8.3334519073e-3f));
  p = fma16(p, r, all(4.1665795894e-2f));
  p = fma16(p, r, all(1.6666665459e-1f));
  p = fma16(p, r, all(5.0000001201e-1f));
  p = fma16(p, r * r, r + all(1.0f));
  return p * bits((__builtin_convertvector(n, i32x16) + 127) << 23);
}

/// 0.5x(1 + tanh u) = x / (1 + e^(-2u)).
INLINE f32x16 gelu_tanh(f32x16 x) {
  f32x16 u = fma16(x * x * x, all(0.044715f), x) * all(-2 * 0.79788456080286536f);
  return x / (all(1.0f) + exp16(u));
}

/// x Φ(x), with Φ's tail by Abramowitz and Stegun 7.1.26 (error below 1.5e-7); the tail is not taken from 1
/// where x is negative, so it keeps its relative precision.
INLINE f32x16 gelu_erf(f32x16 x) {
  f32x16 z = bits(ints(x) & 0x7fffffff) * all(0.70710678118654752f);
  f32x16 t = all(1.0f) / fma16(z, all(0.3275911f), all(1.0f));
  f32x16 p = all(1.061405429f);
  p = fma16(p, t, all(-1.453152027f));
  p = fma16(p, t, all(1.421413741f));
  p = fma16(p, t, all(-0.284496736f));
  p = fma16(p, t, all(0.254829592f));
  f32x16 tail = p * t * exp16(-z * z) * all(0.5f);
  return x * (x < all(0.0f) ? tail : all(1.0f) - tail);
}

/// Adds the bias and stores, adds or bends 16 results.
INLINE void finish(f32x16 v, const float *bias, size_t n, ck_output output, float *out) {
  if (bias) v = v + load(bias + n);
  switch (output) {
    case CK_OUTPUT_STORE: break;
    case CK_OUTPUT_ADD: v = load(out) + v; break;
    case CK_OUTPUT_GELU_TANH: v = gelu_tanh(v); break;
    case CK_OUTPUT_GELU_ERF: v = gelu_erf(v); break;
  }
  store(out, v);
}

/// Turns the sum Σ step · Σqw of 16 outputs, in units of their scales, into results.
INLINE void finish_quantized(
  f32x16 sum, const ck_matrix *m, const ck_rows *rows, size_t row, size_t n, ck_output output, float *out
) {
  f32x16 v = sum - all((float)rows->zeros[row]) * load(m->sums + n);
  finish(v * (all(rows->scales[row]) * load(m->scales + n)), m->bias, n, output, out);
}

/// How many |x| exceed the limit.
INLINE int32_t count_beyond(const float *x, size_t padded, float limit) {
  i32x16 count = 0;
  for (size_t i = 0; i < padded; i += 16) count -= magnitude(load(x + i)) > all(limit);
  return __builtin_reduce_add(count);
}

INLINE ck_grid grid_of(const float *x, size_t padded) {
  f32x16 least = all(0.0f), most = all(0.0f), lanes = all(0.0f);
  for (size_t i = 0; i < padded; i += 16) {
    f32x16 v = load(x + i);
    least = smaller(v, least);
    most = larger(v, most);
  }
  lanes = larger(most, -least);
  float maxima[16], greatest[5];
  store(maxima, lanes);
  ck_greatest(maxima, greatest);
  float top = greatest[0], limit = top;
  for (int i = 4; i > 0; i--) {
    if (greatest[i] < 0.75f * top && count_beyond(x, padded, greatest[i]) <= CK_OUTLIERS) {
      limit = greatest[i];
      break;
    }
  }
  return ck_grid_of(-largest(-least), largest(most), limit, top);
}

/// 16 activations as integers; `outliers` as a constant, so that the loop without them is free of their cost.
INLINE i32x16 quantized16(f32x16 x, const ck_grid *grid, int outliers) {
  f32x16 v = __builtin_elementwise_roundeven(x * all(grid->inverse)) + all(grid->zero);
  f32x16 low = all(0.0f), high = all(255.0f);
  if (outliers) {
    i32x16 near = magnitude(x) <= all(grid->limit);
    low = near ? low : all(-32768.0f);
    high = near ? high : all(32767.0f);
  }
  return __builtin_convertvector(smaller(larger(v, low), high), i32x16);
}

/// Quantizes a row into bytes, the low ones of q with the bits of `flip` inverted, and a list of outliers, which
/// are q = 256 · high + low.
INLINE void quantize_bytes(const float *x, size_t padded, const ck_row *row, uint8_t flip) {
  ck_grid grid = grid_of(x, padded);
  *row->scale = grid.scale;
  *row->zero = (int32_t)grid.zero;
  uint8_t *bytes = row->data;
  size_t found = 0;
  for (size_t i = 0; i < padded; i += 32) {
    i32x16 a = quantized16(load(x + i), &grid, 0), b = quantized16(load(x + i + 16), &grid, 0);
    if (grid.outliers) {
      i32x16 far = (magnitude(load(x + i)) > all(grid.limit)) | (magnitude(load(x + i + 16)) > all(grid.limit));
      if (__builtin_reduce_or(far)) {
        a = quantized16(load(x + i), &grid, 1);
        b = quantized16(load(x + i + 16), &grid, 1);
        for (size_t lane = 0; lane < 32; lane++) {
          int32_t high = (lane < 16 ? a[lane] : b[lane - 16]) >> 8;
          if (high && found < CK_OUTLIERS) row->outliers[found++] = (ck_outlier){(uint32_t)(i + lane), high};
        }
      }
    }
    *(u8x16_at *)(bytes + i) = __builtin_convertvector(a & 255, u8x16) ^ flip;
    *(u8x16_at *)(bytes + i + 16) = __builtin_convertvector(b & 255, u8x16) ^ flip;
    if (row->block_sums) row->block_sums[i / 32] = (float)__builtin_reduce_add(a + b);
  }
  row->outliers[found] = (ck_outlier){UINT32_MAX, 0};
}

/// Defines `tile_f32_<R>`: R rows by 16 · V columns of the strip's 64, then the rest of them; K one by one,
/// so that a row's sums are the same in every tile.
#define DEFINE_TILE_F32(R, V)                                                                           \
  INLINE void tile_f32_##R(                                                                             \
    const ck_matrix *m, const ck_rows *rows, size_t row, const float *weights, size_t n, ck_output output, \
    float *out, size_t ldo                                                                              \
  ) {                                                                                                   \
    const float *a = (const float *)((const char *)rows->data + row * rows->stride);                    \
    const size_t lda = rows->stride / sizeof(float);                                                    \
    for (size_t c = 0; c < 64; c += 16 * V) {                                                           \
      f32x16 sums[R][V];                                                                                \
      _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                                \
        _Pragma("unroll") for (size_t v = 0; v < V; v++) sums[r][v] = all(0.0f);                        \
      }                                                                                                 \
      const float *w = weights + c;                                                                     \
      for (size_t i = 0; i < m->inputs; i++, w += 64) {                                                 \
        _Pragma("unroll") for (size_t v = 0; v < V; v++) __builtin_prefetch(w + 1024 + 16 * v);         \
        _Pragma("unroll") for (size_t r = 0; r < R; r++) {                                              \
          f32x16 x = all(a[r * lda + i]);                                                               \
          _Pragma("unroll") for (size_t v = 0; v < V; v++) {                                            \
            sums[r][v] = fma16(x, load(w + 16 * v), sums[r][v]);                                        \
          }                                                                                             \
        }                                                                                               \
      }                                                                                                 \
      for (size_t r = 0; r < R; r++) {                                                                  \
        for (size_t v = 0; v < V; v++) {                                                                \
          size_t at = n + c + 16 * v;                                                                   \
          finish(sums[r][v], m->bias, at, output, out + (row + r) * ldo + at);                          \
        }                                                                                               \
      }                                                                                                 \
    }                                                                                                   \
  }

static void wide_layer_norm(const float *x, size_t width, const ck_norm *norm, float *out) {
  f32x16 sum = all(0.0f), squares = all(0.0f);
  // The padding of x is zero, so it may take part in the sum but not in the squares of the differences.
  for (size_t i = 0; i < width; i += 16) sum += load(x + i);
  f32x16 mean = all(fold(sum) / (float)width);
  for (size_t i = 0; i < width; i += 16) {
    f32x16 d = first(width - i < 16 ? width - i : 16, load(x + i) - mean, all(0.0f));
    squares = fma16(d, d, squares);
  }
  f32x16 inverse = all(1.0f / sqrtf(fold(squares) / (float)width + norm->epsilon));
  for (size_t i = 0; i < width; i += 16) {
    f32x16 v = fma16((load(x + i) - mean) * inverse, load(norm->weight + i), load(norm->bias + i));
    store(out + i, first(width - i < 16 ? width - i : 16, v, all(0.0f)));
  }
  for (size_t i = (width + 15) / 16 * 16; i < ck_padded(width); i += 16) store(out + i, all(0.0f));
}

static void wide_gelu(ck_output which, float *x, size_t padded) {
  for (size_t i = 0; i < padded; i += 16) {
    store(x + i, which == CK_OUTPUT_GELU_ERF ? gelu_erf(load(x + i)) : gelu_tanh(load(x + i)));
  }
}
