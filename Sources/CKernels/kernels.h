/// The table of kernels that each level fills in.
#ifndef CK_KERNELS_H
#define CK_KERNELS_H

#include "ckernels.h"

/// The rows of a step as one matrix kernel sees them: quantized for Q8, plain floats for F32.
typedef struct ck_rows {
  const void *data;
  /// Bytes from row to row.
  size_t stride;
  size_t count;
  /// [count], Q8 only.
  const float *scales;
  const int32_t *zeros;
} ck_rows;

typedef struct ck_kernels {
  size_t activation_bytes;
  /// Quantizes a row of `padded` floats to unsigned 8 bits: x ≈ scale · (q - zero).
  void (*quantize)(const float *x, size_t padded, void *quantized, float *scale, int32_t *zero);
  /// Columns `64 · strip..<64 · (strip + 1)` of all rows.
  void (*linear_q8)(
    const ck_matrix *matrix, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo);
  void (*linear_f32)(
    const ck_matrix *matrix, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo);
  void (*layer_norm)(const float *x, size_t width, const ck_norm *norm, float *out);
  void (*gelu)(ck_output which, float *x, size_t padded);
  /// In place; `x` has room up to the next multiple of 16.
  void (*softmax)(float *x, size_t count);
  /// Puts k and v of position t into an f16 cache of one head.
  void (*append_f16)(const float *k, const float *v, size_t t, size_t head_width, void *keys, void *values);
  /// One query of one head over `count` positions; `scores` has room up to the next multiple of 16.
  void (*attend_f32)(
    const float *query, const void *keys, const void *values, size_t count, size_t head_width, float *scores,
    float *out);
  void (*attend_f16)(
    const float *query, const void *keys, const void *values, size_t count, size_t head_width, float *scores,
    float *out);
} ck_kernels;

extern const ck_kernels ck_scalar_kernels;
extern const ck_kernels ck_avx2_kernels;
extern const ck_kernels ck_avx512vnni_kernels;
extern const ck_kernels ck_neon_kernels;

/// The level's table; NULL if this build or this machine lacks it.
const ck_kernels *ck_kernels_of(ck_level level);

#endif
