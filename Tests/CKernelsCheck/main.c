/// Compares the kernels of a level that the machine at hand can't run with the scalar ones: AVX-512 built on
/// SIMDe in the place of the instructions, NEON under an emulator. Integer sums and what follows from them
/// must be equal bit by bit, floats nearly.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#if defined(__aarch64__)
/// What activations and zero points are lowered by.
enum { SHIFT = 128 };
static const char *const level = "NEON";
static const ck_kernels *const wide = &ck_neon_kernels;
#else
enum { SHIFT = 0 };
static const char *const level = "AVX-512";
static const ck_kernels *const wide = &ck_avx512vnni_kernels;
#endif
static const ck_kernels *const scalar = &ck_scalar_kernels;

static uint64_t state = 42;

/// Heavy-tailed: a uniform v in (-1, 1) as v / (1 - 0.99|v|).
static float number(void) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  double v = (double)((z ^ z >> 31) >> 40) / 8388608 - 1;
  return (float)(v / (1 - 0.99 * fabs(v)));
}

static int failures = 0, checks = 0;

static void check(int ok, const char *what, size_t a, size_t b, size_t c) {
  checks++;
  if (ok) return;
  failures++;
  printf("FAILED %s (%zu, %zu, %zu)\n", what, a, b, c);
}

static void *zeros(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!memory) exit(2);
  return memset(memory, 0, (bytes + 127) / 64 * 64);
}

static int close_to(const float *a, const float *b, size_t count, float tolerance) {
  for (size_t i = 0; i < count; i++) {
    if (!(fabsf(a[i] - b[i]) <= tolerance * (1 + fabsf(b[i])))) return 0;
  }
  return 1;
}

static void check_linear(ck_format format, size_t k, size_t n, size_t rows) {
  size_t kp = ck_padded(k), np = ck_padded(n);
  float *weights = zeros(k * n * 4), *x = zeros(rows * kp * 4), *bias = zeros(np * 4);
  float *scales = zeros(np * 4), *row_scales = zeros(rows * 4), *out[2], *start = zeros(rows * np * 4);
  int32_t *sums = zeros(np * 4), *row_zeros[2] = {zeros(rows * 4), zeros(rows * 4)};
  void *packed = zeros(ck_packed_bytes(format, k, n));
  uint8_t *q[2] = {zeros(rows * kp), zeros(rows * kp)};
  for (size_t i = 0; i < k * n; i++) weights[i] = number();
  for (size_t i = 0; i < n; i++) bias[i] = number();
  for (size_t r = 0; r < rows; r++) {
    for (size_t i = 0; i < k; i++) x[r * kp + i] = number();
    for (size_t i = 0; i < n; i++) start[r * np + i] = number();
  }
  if (format == CK_FORMAT_Q8) {
    ck_pack_q8(weights, k, n, packed, scales, sums);
    for (size_t r = 0; r < rows; r++) {
      float scale;
      wide->quantize(x + r * kp, kp, q[1] + r * kp, &scale, row_zeros[1] + r);
      scalar->quantize(x + r * kp, kp, q[0] + r * kp, row_scales + r, row_zeros[0] + r);
      check(scale == row_scales[r], "scale", k, n, r);
      check(row_zeros[1][r] == row_zeros[0][r] - SHIFT, "zero point", k, n, r);
    }
    int same = 1;
    for (size_t i = 0; i < rows * kp; i++) same &= q[1][i] == (uint8_t)(q[0][i] - SHIFT);
    check(same, "quantized activations", k, n, rows);
  } else {
    ck_pack_f32(weights, k, n, packed);
  }
  ck_matrix matrix = {format, k, n, packed, scales, sums, bias};
  for (int output = CK_OUTPUT_STORE; output <= CK_OUTPUT_GELU_ERF; output++) {
    for (int i = 0; i < 2; i++) {
      const ck_kernels *kernels = i ? wide : scalar;
      ck_rows input = {x, kp * 4, rows, NULL, NULL};
      if (format == CK_FORMAT_Q8) input = (ck_rows){q[i], kp, rows, row_scales, row_zeros[i]};
      out[i] = zeros(rows * np * 4);
      memcpy(out[i], start, rows * np * 4);
      for (size_t strip = 0; strip < np / 64; strip++) {
        (format == CK_FORMAT_Q8 ? kernels->linear_q8 : kernels->linear_f32)(
          &matrix, &input, strip, (ck_output)output, out[i], np);
      }
    }
    int exact = format == CK_FORMAT_Q8 && output <= CK_OUTPUT_ADD;
    check(
      exact ? !memcmp(out[0], out[1], rows * np * 4) : close_to(out[1], out[0], rows * np, 2e-3f),
      format == CK_FORMAT_Q8 ? "linear_q8" : "linear_f32", k, n, rows);
    free(out[0]);
    free(out[1]);
  }
  void *all[] = {weights, x,    bias,         scales,       row_scales, start,
                 sums,    packed, row_zeros[0], row_zeros[1], q[0],       q[1]};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void check_rows(size_t width) {
  size_t padded = ck_padded(width);
  float *x = zeros(padded * 4), *weight = zeros(padded * 4), *bias = zeros(padded * 4);
  float *a = zeros(padded * 4), *b = zeros(padded * 4);
  for (size_t i = 0; i < width; i++) x[i] = number(), weight[i] = number(), bias[i] = number();
  ck_norm norm = {weight, bias, 1e-5f};
  wide->layer_norm(x, width, &norm, a);
  scalar->layer_norm(x, width, &norm, b);
  check(close_to(a, b, padded, 1e-3f), "layer_norm", width, 0, 0);
  for (int which = CK_OUTPUT_GELU_TANH; which <= CK_OUTPUT_GELU_ERF; which++) {
    memcpy(a, x, padded * 4);
    memcpy(b, x, padded * 4);
    wide->gelu((ck_output)which, a, padded);
    scalar->gelu((ck_output)which, b, padded);
    check(close_to(a, b, padded, 1e-6f), "gelu", width, (size_t)which, 0);
  }
  memcpy(a, x, padded * 4);
  memcpy(b, x, padded * 4);
  wide->softmax(a, width);
  scalar->softmax(b, width);
  check(close_to(a, b, width, 1e-6f), "softmax", width, 0, 0);
  void *all[] = {x, weight, bias, a, b};
  for (size_t i = 0; i < 5; i++) free(all[i]);
}

static void check_attention(size_t width, size_t count, int half) {
  size_t positions = (count + 15) / 16 * 16, padded = (width + 15) / 16 * 16;
  float *keys = zeros(positions * padded * 4), *values = zeros(positions * padded * 4);
  float *query = zeros(padded * 4), *scores = zeros(positions * 4);
  float *a = zeros(padded * 4), *b = zeros(padded * 4);
  for (size_t i = 0; i < positions * padded; i++) {
    if (half) {
      ((_Float16 *)keys)[i] = (_Float16)number();
      ((_Float16 *)values)[i] = (_Float16)number();
    } else {
      keys[i] = number(), values[i] = number();
    }
  }
  for (size_t i = 0; i < width; i++) query[i] = 0.1f * number();
  (half ? wide->attend_f16 : wide->attend_f32)(query, keys, values, count, width, scores, a);
  (half ? scalar->attend_f16 : scalar->attend_f32)(query, keys, values, count, width, scores, b);
  check(close_to(a, b, padded, 1e-3f), "attend", width, count, (size_t)half);
  void *all[] = {keys, values, query, scores, a, b};
  for (size_t i = 0; i < 6; i++) free(all[i]);
}

int main(void) {
  const size_t shapes[][2] = {{1, 1},   {3, 5},    {20, 50},  {36, 108}, {48, 63},   {64, 65},
                              {65, 64}, {100, 130}, {129, 16}, {257, 72}, {768, 192}, {3072, 64}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    for (size_t rows = 1; rows <= 14; rows++) {
      check_linear(CK_FORMAT_Q8, shapes[s][0], shapes[s][1], rows);
      check_linear(CK_FORMAT_F32, shapes[s][0], shapes[s][1], rows);
    }
  }
  for (size_t width = 1; width < 200; width++) check_rows(width);
  for (size_t width = 1; width <= 80; width += 9) {
    for (size_t count = 1; count <= 50; count += 7) {
      check_attention(width, count, 0);
      check_attention(width, count, 1);
    }
  }
  printf("%d checks of the %s kernels, %d failures\n", checks, level, failures);
  return failures != 0;
}
