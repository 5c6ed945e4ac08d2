/// Compares the kernels of every level at hand with the scalar ones, and those with doubles. On x86 the results of
/// quantized matrices must be the same bit for bit; other floats nearly so.
///
/// Levels that the machine lacks are built on SIMDe (AVX-512) or run under an emulator (NEON). `quick` leaves out
/// what the same code does again with other numbers; it is for sanitizers.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

int check_attention(ck_level level);
int check_pool(void);

static uint64_t state = 42;

static uint64_t random_bits(void) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

/// Heavy-tailed: a uniform v in (-1, 1) as v / (1 - 0.99|v|).
static float number(void) {
  const double v = (double)(random_bits() >> 40) / 8388608 - 1;
  return (float)(v / (1 - 0.99 * fabs(v)));
}

static int failures = 0, checks = 0;

static void check(int ok, const char *what, size_t a, size_t b, size_t c, size_t d) {
  checks++;
  if (ok) return;
  failures++;
  if (failures < 50) printf("FAILED %s (%zu, %zu, %zu, %zu)\n", what, a, b, c, d);
}

static void *zeros(size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  void *memory = aligned_alloc(64, bytes);
  if (!memory) exit(2);
  return memset(memory, 0, bytes);
}

static int close_to(const float *a, const float *b, size_t count, float tolerance) {
  for (size_t i = 0; i < count; i++) {
    if (!(fabsf(a[i] - b[i]) <= tolerance * (1 + fabsf(b[i])))) return 0;
  }
  return 1;
}

/// Rows of all kinds, by their index: plain, with outliers, constant, negative, zero, tiny, huge, a single value.
static void fill_row(float *x, size_t count, size_t kind) {
  for (size_t i = 0; i < count; i++) x[i] = 0.1f * number();
  switch (kind % 10) {
    case 1:
      for (size_t i = 0; i < 1 + kind % 11; i++) x[random_bits() % count] = (i % 2 ? 40.0f : -90.0f) * (1 + number());
      break;
    case 2:
      for (size_t i = 0; i < count; i++) x[i] = 3;
      break;
    case 3:
      for (size_t i = 0; i < count; i++) x[i] = -fabsf(x[i]) - 1;
      break;
    case 4:
      for (size_t i = 0; i < count; i++) x[i] = 0;
      break;
    case 5:
      for (size_t i = 0; i < count; i++) x[i] *= 1e-20f;
      break;
    case 6:
      for (size_t i = 0; i < count; i++) x[i] *= 1e15f;
      break;
    case 7:
      for (size_t i = 0; i < count; i++) x[i] = 0;
      x[random_bits() % count] = -7;
      break;
    case 8:
      for (size_t i = 0; i < 4; i++) x[random_bits() % count] = 3000;
      break;
    case 9:
      for (size_t i = 0; i < count; i++) x[i] = 1e-40f * (float)i;
      break;
    default: break;
  }
}

// MARK: Matrices

typedef struct layer {
  ck_matrix matrix;
  size_t padded_inputs, padded_outputs;
  float *weights, *scales, *sums, *bias;
  void *packed;
} layer;

static layer make_layer(ck_format format, size_t k, size_t n) {
  layer l = {.padded_inputs = ck_padded(k), .padded_outputs = ck_padded(n)};
  l.weights = zeros(k * n * sizeof(float));
  l.scales = zeros(l.padded_outputs * sizeof(float));
  l.sums = zeros(l.padded_outputs * sizeof(float));
  l.bias = zeros(l.padded_outputs * sizeof(float));
  l.packed = zeros(ck_packed_bytes(format, k, n));
  for (size_t row = 0; row < n; row++) {
    float *w = l.weights + row * k;
    for (size_t i = 0; i < k; i++) w[i] = 0.1f * number() + (row % 3 == 0 ? 0.05f : 0);
    // A row of zeros, one of tiny numbers, and one with a block of zeros.
    if (row % 16 == 5) memset(w, 0, k * sizeof *w);
    if (row % 16 == 7) for (size_t i = 0; i < k; i++) w[i] *= 1e-41f;
    if (row % 16 == 9) memset(w, 0, (k < 64 ? k / 2 : 64) * sizeof *w);
    l.bias[row] = number();
  }
  ck_pack(format, l.weights, k, n, l.packed, l.scales, l.sums);
  l.matrix = (ck_matrix){format, k, n, l.packed, l.scales, l.sums, l.bias};
  return l;
}

static void free_layer(layer *l) {
  free(l->weights);
  free(l->scales);
  free(l->sums);
  free(l->bias);
  free(l->packed);
}

/// The error of the packed weights: half a step of the block for Q8, a small part of the whole for Q4.
static void check_packing(const layer *l) {
  const size_t k = l->matrix.inputs, n = l->matrix.outputs;
  float *back = zeros(k * sizeof(float));
  for (size_t row = 0; row < n; row++) {
    const float *w = l->weights + row * k;
    double error = 0, power = 0, sum = 0;
    ck_unpack_row(&l->matrix, row, back);
    for (size_t i = 0; i < k; i++) {
      error += ((double)back[i] - w[i]) * ((double)back[i] - w[i]);
      power += (double)w[i] * w[i];
      sum += back[i];
      float greatest = 0;
      for (size_t j = i / 64 * 64; j < k && j < i / 64 * 64 + 64; j++) greatest = fmaxf(greatest, fabsf(w[j]));
      // A step is rounded up to a multiple of the row's scale.
      const float step = greatest / 127 + l->scales[row];
      const float bound = 0.51f * step + 1e-30f;
      if (l->matrix.format == CK_FORMAT_Q8) check(fabsf(back[i] - w[i]) <= bound, "q8 weight", k, n, row, i);
      if (l->matrix.format == CK_FORMAT_F32) check(back[i] == w[i], "f32 weight", k, n, row, i);
    }
    if (l->matrix.format == CK_FORMAT_Q4) check(error <= 0.03 * power + 1e-30, "q4 weights", k, n, row, 0);
    if (l->matrix.format == CK_FORMAT_Q8) {
      const double difference = fabs(sum - (double)l->sums[row] * l->scales[row]);
      check(difference <= 1e-4 * sqrt(power * (double)k) + 1e-30, "sum", k, n, row, 0);
    }
  }
  free(back);
}

/// The scalar results against doubles, from the weights and activations that the integers stand for.
static void check_scalar(
  const layer *l, const float *x, size_t rows, const float *start, ck_output output, const float *out
) {
  const size_t k = l->matrix.inputs, kp = l->padded_inputs, np = l->padded_outputs;
  const int exact = l->matrix.format == CK_FORMAT_F32;
  float *w = zeros(k * sizeof(float));
  int16_t *q = zeros(rows * kp * sizeof(int16_t));
  float *scales = zeros(rows * sizeof(float));
  int32_t *origins = zeros(rows * sizeof(int32_t));
  for (size_t r = 0; r < rows && !exact; r++) {
    ck_test_quantize(CK_LEVEL_SCALAR, x + r * kp, kp, q + r * kp, scales + r, origins + r);
  }
  for (size_t n = 0; n < l->matrix.outputs; n++) {
    ck_unpack_row(&l->matrix, n, w);
    float greatest = 0;
    for (size_t i = 0; i < k; i++) greatest = fmaxf(greatest, fabsf(w[i]));
    for (size_t r = 0; r < rows; r++) {
      // The size of what is added up, of which an error is a small part: with the zero points, and for Q4 with the
      // minimums of the blocks, in the padding too.
      double sum = l->bias[n], size = fabs(sum) + fabs((double)start[r * np + n]);
      for (size_t i = 0; i < (exact ? k : kp); i++) {
        const double v = i < k ? w[i] : 0, reach = l->matrix.format == CK_FORMAT_Q4 ? greatest : fabs(v);
        if (exact) {
          sum += x[r * kp + i] * v;
          size += fabs(x[r * kp + i] * v);
        } else {
          sum += (double)scales[r] * (q[r * kp + i] - origins[r]) * v;
          size += (double)scales[r] * (abs(q[r * kp + i]) + abs(origins[r])) * reach;
        }
      }
      if (output == CK_OUTPUT_ADD) sum += start[r * np + n];
      const double bound = (exact ? 4e-6 : 1e-6) * size + 1e-30;
      check(fabs(out[r * np + n] - sum) <= bound, "scalar result", (size_t)l->matrix.format, k, n, r);
    }
  }
  free(w);
  free(q);
  free(scales);
  free(origins);
}

static void check_linear(ck_format format, size_t k, size_t n, size_t rows) {
  layer l = make_layer(format, k, n);
  const size_t kp = l.padded_inputs, np = l.padded_outputs, bytes = rows * np * sizeof(float);
  float *x = zeros(rows * kp * sizeof(float)), *start = zeros(bytes), *expected = zeros(bytes);
  float *out = zeros(bytes), *alone = zeros(np * sizeof(float));
  if (rows == 1) check_packing(&l);
  for (size_t r = 0; r < rows; r++) {
    fill_row(x + r * kp, k, rows == 1 ? k : r);
    for (size_t i = 0; i < n; i++) start[r * np + i] = number();
  }
  ck_context *scalar = ck_context_create(CK_LEVEL_SCALAR, 1, rows, k);
  for (int output = CK_OUTPUT_STORE; output <= CK_OUTPUT_GELU_ERF; output++) {
    memcpy(expected, start, bytes);
    ck_linear(scalar, &l.matrix, NULL, x, kp, rows, (ck_output)output, expected, np);
    if (output <= CK_OUTPUT_ADD) check_scalar(&l, x, rows, start, (ck_output)output, expected);
    for (int level = CK_LEVEL_SCALAR + 1; level < CK_LEVEL_COUNT; level++) {
      if (!ck_level_available((ck_level)level)) continue;
      ck_context *context = ck_context_create((ck_level)level, 1 + rows % 3, rows, k);
      memcpy(out, start, bytes);
      ck_linear(context, &l.matrix, NULL, x, kp, rows, (ck_output)output, out, np);
      if (format == CK_FORMAT_F32 || level == CK_LEVEL_NEON || output >= CK_OUTPUT_GELU_TANH) {
        for (size_t r = 0; r < rows; r++) {
          float greatest = 1;
          for (size_t i = 0; i < n; i++) greatest = fmaxf(greatest, fabsf(expected[r * np + i]));
          for (size_t i = 0; i < np; i++) {
            const float difference = fabsf(out[r * np + i] - expected[r * np + i]);
            check(difference <= 2e-5f * greatest, ck_level_name((ck_level)level), (size_t)format, k, n, r);
          }
        }
      } else {
        check(!memcmp(out, expected, bytes), ck_level_name((ck_level)level), (size_t)format, k, n, rows);
      }
      for (size_t r = 0; r < rows; r += 1 + rows / 4) {
        memcpy(alone, start + r * np, np * sizeof(float));
        ck_linear(context, &l.matrix, NULL, x + r * kp, kp, 1, (ck_output)output, alone, np);
        check(!memcmp(alone, out + r * np, np * sizeof(float)), "a row alone", (size_t)format, k, n, r);
      }
      ck_context_destroy(context);
    }
  }
  ck_context_destroy(scalar);
  free_layer(&l);
  free(x);
  free(start);
  free(expected);
  free(out);
  free(alone);
}

// MARK: Rows

static void check_quantize(size_t padded, size_t kind) {
  float *x = zeros(padded * sizeof(float));
  int16_t *expected = zeros(padded * sizeof(int16_t)), *q = zeros(padded * sizeof(int16_t));
  float scale, other_scale;
  int32_t zero, other_zero;
  fill_row(x, padded - random_bits() % 64, kind);
  ck_test_quantize(CK_LEVEL_SCALAR, x, padded, expected, &scale, &zero);
  size_t beyond = 0;
  for (size_t i = 0; i < padded; i++) {
    beyond += expected[i] < 0 || expected[i] > 255;
    const double back = (double)scale * (expected[i] - zero);
    check(fabs(back - x[i]) <= 1.001 * scale + 1e-30, "quantized value", padded, kind, i, 0);
    check(x[i] != 0 || back == 0, "quantized zero", padded, kind, i, 0);
  }
  check(beyond <= CK_OUTLIERS && zero >= 0 && zero <= 255, "range", padded, kind, beyond, (size_t)zero);
  for (int level = CK_LEVEL_SCALAR + 1; level < CK_LEVEL_COUNT; level++) {
    if (!ck_level_available((ck_level)level)) continue;
    ck_test_quantize((ck_level)level, x, padded, q, &other_scale, &other_zero);
    check(scale == other_scale && zero == other_zero, "scale and zero", padded, kind, (size_t)level, 0);
    check(!memcmp(q, expected, padded * sizeof *q), "quantized row", padded, kind, (size_t)level, 0);
  }
  free(x);
  free(expected);
  free(q);
}

static void check_rows(ck_level level, size_t width) {
  const size_t padded = ck_padded(width), bytes = padded * sizeof(float);
  const ck_kernels *wide = ck_kernels_of(level), *scalar = ck_kernels_of(CK_LEVEL_SCALAR);
  float *x = zeros(bytes), *weight = zeros(bytes), *bias = zeros(bytes), *a = zeros(bytes), *b = zeros(bytes);
  for (size_t i = 0; i < width; i++) x[i] = number(), weight[i] = number(), bias[i] = number();
  const ck_norm norm = {weight, bias, 1e-5f};
  memset(a, 1, bytes);
  wide->layer_norm(x, width, &norm, a);
  scalar->layer_norm(x, width, &norm, b);
  check(close_to(a, b, padded, 1e-3f), "layer_norm", (size_t)level, width, 0, 0);
  for (int which = CK_OUTPUT_GELU_TANH; which <= CK_OUTPUT_GELU_ERF; which++) {
    memcpy(a, x, bytes);
    memcpy(b, x, bytes);
    wide->gelu((ck_output)which, a, padded);
    scalar->gelu((ck_output)which, b, padded);
    check(close_to(a, b, padded, 1e-6f), "gelu", (size_t)level, width, (size_t)which, 0);
  }
  free(x);
  free(weight);
  free(bias);
  free(a);
  free(b);
}

/// A layer norm before the matrix is the one that stands alone, for few rows and for many.
static void check_norm(ck_level level, ck_format format, size_t k, size_t n, size_t rows) {
  layer l = make_layer(format, k, n);
  const size_t kp = l.padded_inputs, np = l.padded_outputs;
  float *x = zeros(rows * kp * sizeof(float)), *normal = zeros(rows * kp * sizeof(float));
  float *weight = zeros(kp * sizeof(float)), *bias = zeros(kp * sizeof(float));
  float *a = zeros(rows * np * sizeof(float)), *b = zeros(rows * np * sizeof(float));
  for (size_t i = 0; i < k; i++) weight[i] = number(), bias[i] = number();
  for (size_t r = 0; r < rows; r++) fill_row(x + r * kp, k, r % 4);
  const ck_norm norm = {weight, bias, 1e-5f};
  ck_context *context = ck_context_create(level, 2, rows, k);
  ck_normalize(context, &norm, k, x, kp, rows, normal, kp);
  ck_linear(context, &l.matrix, NULL, normal, kp, rows, CK_OUTPUT_STORE, a, np);
  ck_linear(context, &l.matrix, &norm, x, kp, rows, CK_OUTPUT_STORE, b, np);
  check(!memcmp(a, b, rows * np * sizeof(float)), "norm", (size_t)level, (size_t)format, k, rows);
  ck_context_destroy(context);
  free_layer(&l);
  free(x);
  free(normal);
  free(weight);
  free(bias);
  free(a);
  free(b);
}

int main(int argument_count, char **arguments) {
  const int quick = argument_count > 1 && !strcmp(arguments[1], "quick");
  const size_t shapes[][2] = {{1, 1},     {3, 5},    {20, 50},  {36, 108}, {48, 63},   {64, 65},  {65, 64},
                              {100, 130}, {129, 16}, {160, 72}, {200, 9},  {768, 192}, {3072, 64}};
  const size_t counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 33, 131};
  for (size_t kind = 0; kind < 60; kind++) {
    for (size_t padded = 64; padded <= 3072; padded += padded < 512 ? 64 : 1280) check_quantize(padded, kind);
  }
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
      if (counts[c] > 17 && shapes[s][0] > 200) continue;
      if (quick && (c % 3 == 2 || shapes[s][0] > 200)) continue;
      for (int format = CK_FORMAT_F32; format <= CK_FORMAT_Q4; format++) {
        check_linear((ck_format)format, shapes[s][0], shapes[s][1], counts[c]);
      }
    }
  }
  for (size_t k = 1; k <= 200; k += k < 70 && !quick ? 3 : 13) {
    for (int format = CK_FORMAT_F32; format <= CK_FORMAT_Q4; format++) check_linear((ck_format)format, k, 33, 1);
  }
  for (int level = CK_LEVEL_SCALAR; level < CK_LEVEL_COUNT; level++) {
    if (!ck_level_available((ck_level)level)) continue;
    for (size_t width = 1; width < 200; width += quick ? 7 : 1) check_rows((ck_level)level, width);
    for (int format = CK_FORMAT_F32; format <= CK_FORMAT_Q4; format++) {
      for (size_t rows = 1; rows < 14; rows++) check_norm((ck_level)level, (ck_format)format, 70 + rows, 200, rows);
    }
    const int before = failures;
    failures += check_attention((ck_level)level);
    printf("%s: %d failures of attention\n", ck_level_name((ck_level)level), failures - before);
  }
  failures += check_pool();
  printf("%d checks of matrices and rows; %d failures in all\n", checks, failures);
  return failures != 0;
}
