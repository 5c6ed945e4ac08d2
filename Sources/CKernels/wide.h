/// The float kernels over vectors of 16 floats, which the compiler lays on two AVX2 registers or one of
/// AVX-512: written once, included by the file of each level inside its target region, bit for bit the same
/// at each.
///
/// A sum over a row is kept in 16 lanes and folded at the end in one fixed order; a sum over K or over
/// positions goes through them one by one. Neither depends on how many rows there are.
#include <math.h>
#include <string.h>

#include "kernels.h"

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef float f32x4 __attribute__((ext_vector_type(4)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef float f32x16_at __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef int32_t i32x16_at __attribute__((ext_vector_type(16), aligned(4), may_alias));
typedef _Float16 f16x16_at __attribute__((ext_vector_type(16), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE f32x16 load(const float *p) { return *(const f32x16_at *)p; }
INLINE void store(float *p, f32x16 v) { *(f32x16_at *)p = v; }
INLINE f32x16 all(float v) { return (f32x16)(v); }
INLINE f32x16 fma16(f32x16 a, f32x16 b, f32x16 c) { return __builtin_elementwise_fma(a, b, c); }
INLINE f32x16 bits(i32x16 v) { return __builtin_bit_cast(f32x16, v); }
INLINE i32x16 ints(f32x16 v) { return __builtin_bit_cast(i32x16, v); }
INLINE f32x16 larger(f32x16 a, f32x16 b) { return a > b ? a : b; }
INLINE f32x16 smaller(f32x16 a, f32x16 b) { return a < b ? a : b; }

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

/// Turns 16 integer sums into results: (sum - zero · Σw) · (row scale · weight scale).
INLINE void finish_q8(
  const int32_t *sums, const ck_matrix *m, const ck_rows *rows, size_t row, size_t n, ck_output output,
  float *out
) {
  i32x16 v = *(const i32x16_at *)sums - (i32x16)(rows->zeros[row]) * *(const i32x16_at *)(m->sums + n);
  f32x16 scale = all(rows->scales[row]) * load(m->scales + n);
  finish(__builtin_convertvector(v, f32x16) * scale, m->bias, n, output, out);
}

/// The range of a row, zero included so that zero is exact, and what follows from it.
INLINE float row_range(const float *x, size_t padded, float *inverse, float *origin) {
  f32x16 low = all(0.0f), high = all(0.0f);
  for (size_t i = 0; i < padded; i += 16) {
    f32x16 v = load(x + i);
    low = smaller(v, low);
    high = larger(v, high);
  }
  float least = -largest(-low), range = largest(high) - least;
  *inverse = range > 1e-30f ? 255.0f / range : 0;
  *origin = rintf(-least * *inverse);
  return range / 255.0f;
}

/// 16 activations as integers 0...255.
INLINE i32x16 quantized16(f32x16 x, float inverse, float origin) {
  f32x16 v = __builtin_elementwise_roundeven(x * all(inverse)) + all(origin);
  v = smaller(larger(v, all(0.0f)), all(255.0f));
  return __builtin_convertvector(v, i32x16);
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

/// Replaces scores by e^(score - largest) and returns the sum; lanes beyond `count` become 0.
INLINE float exponentials(float *x, size_t count) {
  const f32x16 never = all(-3.0e38f);
  f32x16 top = never, sum = all(0.0f);
  for (size_t i = 0; i < count; i += 16) {
    top = larger(first(count - i < 16 ? count - i : 16, load(x + i), never), top);
  }
  top = all(largest(top));
  for (size_t i = 0; i < count; i += 16) {
    f32x16 e = first(count - i < 16 ? count - i : 16, exp16(load(x + i) - top), all(0.0f));
    store(x + i, e);
    sum += e;
  }
  return fold(sum);
}

static void wide_softmax(float *x, size_t count) {
  f32x16 inverse = all(1.0f / exponentials(x, count));
  for (size_t i = 0; i < count; i += 16) store(x + i, load(x + i) * inverse);
}

/// The largest f16 for what is beyond it: an infinity would turn the whole sequence into NaN.
INLINE _Float16 half(float v) {
  v = v > 65504.0f ? 65504.0f : v;
  return (_Float16)(v < -65504.0f ? -65504.0f : v);
}

static void wide_append_f16(
  const float *k, const float *v, size_t t, size_t head_width, void *keys, void *values
) {
  _Float16 *key = (_Float16 *)keys + t / 16 * head_width * 16 + t % 16;
  _Float16 *value = (_Float16 *)values + t * ((head_width + 15) / 16 * 16);
  for (size_t d = 0; d < head_width; d++) key[d * 16] = half(k[d]);
  for (size_t d = 0; d < head_width; d++) value[d] = half(v[d]);
}

INLINE f32x16 cached_f32(const float *p) { return load(p); }
INLINE f32x16 cached_f16(const _Float16 *p) {
  return __builtin_convertvector(*(const f16x16_at *)p, f32x16);
}

/// 64 columns of the weighted sum of the values, or the 16 · V that are left.
#define WEIGHTED_VALUES(V, LOAD)                                                                        \
  for (; d + 16 * V <= padded_width; d += 16 * V) {                                                     \
    f32x16 sums[V];                                                                                     \
    _Pragma("unroll") for (size_t v = 0; v < V; v++) sums[v] = all(0.0f);                               \
    for (size_t t = 0; t < count; t++) {                                                                \
      f32x16 p = all(scores[t]);                                                                        \
      _Pragma("unroll") for (size_t v = 0; v < V; v++) {                                                \
        sums[v] = fma16(p, LOAD(values + t * padded_width + d + 16 * v), sums[v]);                      \
      }                                                                                                 \
    }                                                                                                   \
    for (size_t v = 0; v < V; v++) {                                                                    \
      f32x16 result = sums[v] * all(inverse);                                                           \
      size_t at = d + 16 * v;                                                                           \
      if (at + 16 <= head_width) store(out + at, result);                                               \
      else for (size_t lane = 0; at + lane < head_width; lane++) out[at + lane] = result[lane];         \
    }                                                                                                   \
  }

#define DEFINE_ATTEND(NAME, TYPE, LOAD)                                                                 \
  static void NAME(                                                                                     \
    const float *query, const void *key_bytes, const void *value_bytes, size_t count, size_t head_width, \
    float *scores, float *out                                                                           \
  ) {                                                                                                   \
    const TYPE *keys = key_bytes, *values = value_bytes;                                                \
    const size_t padded_width = (head_width + 15) / 16 * 16;                                            \
    const f32x16 factor = all(1.0f / sqrtf((float)head_width));                                         \
    for (size_t t = 0; t < count; t += 16, keys += 16 * head_width) {                                   \
      f32x16 dot = all(0.0f);                                                                           \
      for (size_t d = 0; d < head_width; d++) dot = fma16(all(query[d]), LOAD(keys + 16 * d), dot);     \
      store(scores + t, dot * factor);                                                                  \
    }                                                                                                   \
    const float inverse = 1.0f / exponentials(scores, count);                                           \
    size_t d = 0;                                                                                       \
    WEIGHTED_VALUES(4, LOAD)                                                                            \
    WEIGHTED_VALUES(1, LOAD)                                                                            \
  }

DEFINE_ATTEND(wide_attend_f32, float, cached_f32)
DEFINE_ATTEND(wide_attend_f16, _Float16, cached_f16)
