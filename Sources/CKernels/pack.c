/// Brings row-major weights into the order in which the kernels read them.
#include <math.h>
#include <string.h>

#include "ckernels.h"

size_t ck_packed_bytes(ck_format format, size_t inputs, size_t outputs) {
  if (format == CK_FORMAT_Q8) return ck_padded(outputs) * ck_padded(inputs);
  return ck_padded(outputs) * inputs * sizeof(float);
}

int ck_all_finite(const float *values, size_t count) {
  int finite = 1;
  for (size_t i = 0; i < count; i++) finite &= fabsf(values[i]) <= 3.4028235e38f;
  return finite;
}

void ck_pack_f32(const float *weights, size_t inputs, size_t outputs, float *packed) {
  memset(packed, 0, ck_packed_bytes(CK_FORMAT_F32, inputs, outputs));
  for (size_t n = 0; n < outputs; n++) {
    float *strip = packed + n / 64 * inputs * 64 + n % 64;
    for (size_t i = 0; i < inputs; i++) strip[i * 64] = weights[n * inputs + i];
  }
}

void ck_pack_q8(
  const float *weights, size_t inputs, size_t outputs, int8_t *packed, float *scales, int32_t *sums
) {
  size_t padded = ck_padded(inputs);
  memset(packed, 0, ck_packed_bytes(CK_FORMAT_Q8, inputs, outputs));
  memset(scales, 0, ck_padded(outputs) * sizeof *scales);
  memset(sums, 0, ck_padded(outputs) * sizeof *sums);
  for (size_t n = 0; n < outputs; n++) {
    const float *row = weights + n * inputs;
    int8_t *strip = packed + n / 64 * padded * 64 + n % 64 * 4;
    float largest = 0;
    for (size_t i = 0; i < inputs; i++) largest = fmaxf(largest, fabsf(row[i]));
    // A row of denormals is a row of zeros; the inverse would overflow.
    if (largest < 1e-30f) continue;
    float inverse = 127.0f / largest;
    for (size_t i = 0; i < inputs; i++) {
      int32_t q = (int32_t)rintf(row[i] * inverse);
      strip[i / 4 * 256 + i % 4] = (int8_t)q;
      sums[n] += q;
    }
    scales[n] = largest / 127.0f;
  }
}
