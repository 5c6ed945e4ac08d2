/// Every kernel in plain C: the oracle of the others, and what runs where nothing better does.
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "quantize.h"
#include "scalar_attention.h"

#pragma STDC FP_CONTRACT OFF

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

// MARK: Activations

static ck_grid grid_of(const float *x, size_t padded) {
  float least = 0, most = 0, lanes[16] = {0}, greatest[5];
  for (size_t i = 0; i < padded; i++) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
    lanes[i % 16] = fabsf(x[i]) > lanes[i % 16] ? fabsf(x[i]) : lanes[i % 16];
  }
  ck_greatest(lanes, greatest);
  float top = greatest[0], limit = top;
  for (int i = 4; i > 0; i--) {
    if (greatest[i] >= 0.75f * top) continue;
    int beyond = 0;
    for (size_t j = 0; j < padded; j++) beyond += fabsf(x[j]) > greatest[i];
    if (beyond > CK_OUTLIERS) continue;
    limit = greatest[i];
    break;
  }
  return ck_grid_of(least, most, limit, top);
}

/// q as 16 bits, in the order of x.
static void scalar_quantize(const float *x, size_t padded, const ck_row *row) {
  ck_grid grid = grid_of(x, padded);
  int16_t *q = row->data;
  for (size_t i = 0; i < padded; i++) {
    int beyond = fabsf(x[i]) > grid.limit;
    float v = rintf(x[i] * grid.inverse) + grid.zero;
    float low = beyond ? -32768.0f : 0.0f, high = beyond ? 32767.0f : 255.0f;
    v = v > low ? v : low;
    v = v < high ? v : high;
    q[i] = (int16_t)v;
  }
  for (size_t block = 0; row->block_sums && block < padded / 32; block++) {
    int32_t sum = 0;
    for (size_t i = 0; i < 32; i++) sum += q[32 * block + i];
    row->block_sums[block] = (float)sum;
  }
  *row->scale = grid.scale;
  *row->zero = (int32_t)grid.zero;
}

// MARK: Matrices

/// The sums of a row in units of the outputs' scales become 64 results.
static void finish_strip(
  const float sums[64], const ck_matrix *m, const ck_rows *rows, size_t row, size_t strip, ck_output output,
  float *out
) {
  for (size_t j = 0; j < 64; j++) {
    size_t n = strip * 64 + j;
    float v = sums[j] - (float)rows->zeros[row] * m->sums[n];
    v = v * (rows->scales[row] * m->scales[n]);
    finish(m->bias ? v + m->bias[n] : v, output, out + n);
  }
}

static void scalar_linear_q8(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const size_t blocks = ck_padded(m->inputs) / CK_Q8_BLOCK, block_bytes = 64 + 64 * CK_Q8_BLOCK;
  const uint8_t *weights = (const uint8_t *)m->weights + strip * blocks * block_bytes;
  for (size_t r = 0; r < rows->count; r++) {
    const int16_t *q = (const int16_t *)((const char *)rows->data + r * rows->stride);
    float results[64] = {0};
    for (size_t b = 0; b < blocks; b++, q += CK_Q8_BLOCK) {
      const uint8_t *steps = weights + b * block_bytes;
      const int8_t *w = (const int8_t *)steps + 64;
      int32_t sums[64] = {0};
      for (size_t i = 0; i < CK_Q8_BLOCK; i++) {
        for (size_t j = 0; j < 64; j++) sums[j] += (int32_t)q[i] * w[(i / 4 * 64 + j) * 4 + i % 4];
      }
      for (size_t j = 0; j < 64; j++) results[j] = fmaf((float)sums[j], (float)steps[j], results[j]);
    }
    finish_strip(results, m, rows, r, strip, output, out + r * ldo);
  }
}

static void scalar_linear_q4(
  const ck_matrix *m, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo
) {
  const size_t blocks = ck_padded(m->inputs) / CK_Q4_BLOCK, block_bytes = 128 + 32 * CK_Q4_BLOCK;
  const uint8_t *weights = (const uint8_t *)m->weights + strip * blocks * block_bytes;
  for (size_t r = 0; r < rows->count; r++) {
    const int16_t *q = (const int16_t *)((const char *)rows->data + r * rows->stride);
    const float *block_sums = rows->block_sums + r * blocks;
    float results[64] = {0};
    for (size_t b = 0; b < blocks; b++, q += CK_Q4_BLOCK) {
      const uint8_t *steps = weights + b * block_bytes, *minimums = steps + 64, *w = steps + 128;
      int32_t sums[64] = {0};
      for (size_t i = 0; i < CK_Q4_BLOCK; i++) {
        for (size_t j = 0; j < 64; j++) {
          int32_t both = w[(i / 8 * 64 + j) * 4 + i % 4];
          sums[j] += q[i] * (i % 8 < 4 ? both & 15 : both >> 4);
        }
      }
      float offset = -8.0f * block_sums[b];
      for (size_t j = 0; j < 64; j++) {
        results[j] = fmaf((float)sums[j], (float)steps[j], results[j]);
        results[j] = fmaf((float)minimums[j], offset, results[j]);
      }
    }
    finish_strip(results, m, rows, r, strip, output, out + r * ldo);
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

// MARK: Rows of floats

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

// MARK: Sampling

static size_t scalar_argmax(const float *x, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; i++) {
    if (x[i] > x[best] || (x[best] != x[best] && x[i] == x[i])) best = i;
  }
  return best;
}

static void scalar_weights(const float *x, size_t count, float scale, float *out) {
  if (count == 0) return;
  float top = x[scalar_argmax(x, count)];
  for (size_t i = 0; i < count; i++) {
    float difference = x[i] - top;
    out[i] = difference == 0 || x[i] == top ? 1.0f : x[i] == x[i] ? expf(difference * scale) : 0.0f;
  }
}

const ck_kernels ck_scalar_kernels = {
  .activation_bytes = 2,
  .quantize = scalar_quantize,
  .linear = {scalar_linear_f32, scalar_linear_q8, scalar_linear_q4},
  .layer_norm = scalar_layer_norm,
  .gelu = scalar_gelu,
  .append = SCALAR_APPEND,
  .attend = SCALAR_ATTEND,
  .argmax = scalar_argmax,
  .weights = scalar_weights,
};
