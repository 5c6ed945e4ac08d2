/// Every kernel in plain C: the oracle of the others, and what runs where nothing better does.
#include "kernels.h"

#include <math.h>

static float gelu(ck_output which, float x) {
  if (which == CK_OUTPUT_GELU_ERF) return 0.5f * x * erfcf(-x * 0.70710678118654752f);
  float u = 0.79788456080286536f * (x + 0.044715f * x * x * x);
  return x / (1.0f + expf(-2.0f * u));
}

static void finish(float v, ck_output output, float *out) {
  switch (output) {
    case CK_OUTPUT_STORE: *out = v; break;
    case CK_OUTPUT_ADD: *out += v; break;
    default: *out = gelu(output, v);
  }
}

static void scalar_quantize(const float *x, size_t padded, void *quantized, float *scale, int32_t *zero) {
  uint8_t *q = quantized;
  float low = 0, high = 0;
  for (size_t i = 0; i < padded; i++) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  float range = high - low;
  float inverse = range > 1e-30f ? 255.0f / range : 0;
  float origin = rintf(-low * inverse);
  for (size_t i = 0; i < padded; i++) {
    float v = rintf(x[i] * inverse) + origin;
    v = v > 0 ? v : 0;
    v = v < 255 ? v : 255;
    q[i] = (uint8_t)v;
  }
  *scale = range / 255.0f;
  *zero = (int32_t)origin;
}

static void scalar_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  size_t k = ck_padded(m->inputs);
  const int8_t *weights = (const int8_t *)m->weights + strip * k * 64;
  for (size_t r = 0; r < rows->count; r++) {
    const uint8_t *a = (const uint8_t *)rows->data + r * rows->stride;
    for (size_t j = 0; j < 64; j++) {
      size_t n = strip * 64 + j;
      int32_t sum = 0;
      for (size_t i = 0; i < k; i++) sum += (int32_t)a[i] * weights[(i / 4 * 64 + j) * 4 + i % 4];
      float v = (float)(sum - rows->zeros[r] * m->sums[n]) * (rows->scales[r] * m->scales[n]);
      finish(m->bias ? v + m->bias[n] : v, output, out + r * ldo + n);
    }
  }
}

static void scalar_linear_f32(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const float *weights = (const float *)m->weights + strip * m->inputs * 64;
  for (size_t r = 0; r < rows->count; r++) {
    const float *a = (const float *)((const char *)rows->data + r * rows->stride);
    float sums[64] = {0};
    for (size_t i = 0; i < m->inputs; i++) {
      for (size_t j = 0; j < 64; j++) sums[j] += a[i] * weights[i * 64 + j];
    }
    for (size_t j = 0; j < 64; j++) {
      size_t n = strip * 64 + j;
      finish(m->bias ? sums[j] + m->bias[n] : sums[j], output, out + r * ldo + n);
    }
  }
}

static void scalar_layer_norm(const float *x, size_t width, const ck_norm *norm, float *out) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < width; i++) sum += x[i];
  float mean = (float)(sum / (double)width);
  for (size_t i = 0; i < width; i++) squares += (double)(x[i] - mean) * (x[i] - mean);
  float inverse = 1.0f / sqrtf((float)(squares / (double)width) + norm->epsilon);
  for (size_t i = 0; i < width; i++) out[i] = (x[i] - mean) * inverse * norm->weight[i] + norm->bias[i];
  for (size_t i = width; i < ck_padded(width); i++) out[i] = 0;
}

static void scalar_gelu(ck_output which, float *x, size_t padded) {
  for (size_t i = 0; i < padded; i++) x[i] = gelu(which, x[i]);
}

static void scalar_softmax(float *x, size_t count) {
  float top = x[0], sum = 0;
  for (size_t i = 1; i < count; i++) top = x[i] > top ? x[i] : top;
  for (size_t i = 0; i < count; i++) sum += x[i] = expf(x[i] - top);
  for (size_t i = 0; i < count; i++) x[i] /= sum;
}

/// The largest f16 for what is beyond it: an infinity would turn the whole sequence into NaN.
static _Float16 half(float v) {
  v = v > 65504.0f ? 65504.0f : v;
  return (_Float16)(v < -65504.0f ? -65504.0f : v);
}

static void scalar_append_f16(
  const float *k, const float *v, size_t t, size_t head_width, void *keys, void *values
) {
  _Float16 *key = (_Float16 *)keys + t / 16 * head_width * 16 + t % 16;
  _Float16 *value = (_Float16 *)values + t * ((head_width + 15) / 16 * 16);
  for (size_t d = 0; d < head_width; d++) key[d * 16] = half(k[d]);
  for (size_t d = 0; d < head_width; d++) value[d] = half(v[d]);
}

/// Scores, softmax and the weighted sum, with `KEY(i)` and `VALUE(i)` reading the cache.
#define ATTEND(KEY, VALUE)                                                                          \
  size_t padded_width = (head_width + 15) / 16 * 16;                                                \
  float factor = 1.0f / sqrtf((float)head_width);                                                   \
  for (size_t t = 0; t < count; t++) {                                                              \
    float dot = 0;                                                                                  \
    for (size_t d = 0; d < head_width; d++) dot += query[d] * KEY((t / 16 * head_width + d) * 16 + t % 16); \
    scores[t] = dot * factor;                                                                       \
  }                                                                                                 \
  scalar_softmax(scores, count);                                                                    \
  for (size_t d = 0; d < head_width; d++) {                                                         \
    float sum = 0;                                                                                  \
    for (size_t t = 0; t < count; t++) sum += scores[t] * VALUE(t * padded_width + d);              \
    out[d] = sum;                                                                                   \
  }

static void scalar_attend_f32(
  const float *query, const void *keys, const void *values, size_t count, size_t head_width, float *scores,
  float *out
) {
#define KEY(i) ((const float *)keys)[i]
#define VALUE(i) ((const float *)values)[i]
  ATTEND(KEY, VALUE)
#undef KEY
#undef VALUE
}

static void scalar_attend_f16(
  const float *query, const void *keys, const void *values, size_t count, size_t head_width, float *scores,
  float *out
) {
#define KEY(i) (float)((const _Float16 *)keys)[i]
#define VALUE(i) (float)((const _Float16 *)values)[i]
  ATTEND(KEY, VALUE)
#undef KEY
#undef VALUE
}

const ck_kernels ck_scalar_kernels = {
  .activation_bytes = 1,
  .quantize = scalar_quantize,
  .linear_q8 = scalar_linear_q8,
  .linear_f32 = scalar_linear_f32,
  .layer_norm = scalar_layer_norm,
  .gelu = scalar_gelu,
  .softmax = scalar_softmax,
  .append_f16 = scalar_append_f16,
  .attend_f32 = scalar_attend_f32,
  .attend_f16 = scalar_attend_f16,
};
