/// The table of kernels that each level fills in.
#ifndef CK_KERNELS_H
#define CK_KERNELS_H

#include "ckernels.h"

/// A quantized activation that does not fit 8 bits: q = 256 · high + (q's low byte, which is in the row).
typedef struct ck_outlier {
  /// Its input; UINT32_MAX ends the list of a row.
  uint32_t input;
  int32_t high;
} ck_outlier;

/// The rows of a step as a matrix kernel sees them: quantized, or plain floats for F32.
typedef struct ck_rows {
  const void *data;
  /// Bytes from row to row.
  size_t stride;
  size_t count;
  /// [count], quantized only.
  const float *scales;
  const int32_t *zeros;
  /// [count][CK_OUTLIERS + 1], ascending by input: for levels whose data has the low bytes only.
  const ck_outlier *outliers;
  /// [count][padded K / 32]: Σ over a block's q, as floats. Q4 only.
  const float *block_sums;
} ck_rows;

/// Where `quantize` puts one row; the same parts as in `ck_rows`.
typedef struct ck_row {
  void *data;
  float *scale;
  int32_t *zero;
  ck_outlier *outliers;
  /// NULL: not wanted.
  float *block_sums;
} ck_row;

/// Some queries of one head: rows at positions `position...` of a sequence, whose keys and values are in its pages.
typedef struct ck_queries {
  const ck_attention *attention;
  void *const *pages;
  size_t head;
  /// [rows] of D floats, `stride` floats apart.
  const float *queries;
  size_t stride, rows, position;
  float *out;
  size_t out_stride;
} ck_queries;

typedef void (*ck_linear_kernel)(
  const ck_matrix *matrix, const ck_rows *rows, size_t strip, ck_output output, float *out, size_t ldo);

typedef struct ck_kernels {
  /// Bytes of one quantized activation in `ck_rows.data`.
  size_t activation_bytes;
  /// Whether `data` has the low bytes only, and the outliers are needed.
  int splits_outliers;
  /// See `ck_linear`. `padded` floats, a multiple of 64.
  void (*quantize)(const float *x, size_t padded, const ck_row *row);
  /// Columns `64 · strip..<64 · (strip + 1)` of all rows, by `ck_format`.
  ck_linear_kernel linear[3];
  void (*layer_norm)(const float *x, size_t width, const ck_norm *norm, float *out);
  void (*gelu)(ck_output which, float *x, size_t padded);
  /// Puts one head's key and value of position t into its pages, by `ck_cache_type`.
  void (*append[3])(
    const ck_attention *attention, void *const *pages, size_t head, size_t t, const float *key,
    const float *value);
  void (*attend[3])(const ck_queries *queries);
  size_t (*argmax)(const float *x, size_t count);
  void (*weights)(const float *x, size_t count, float scale, float *out);
} ck_kernels;

extern const ck_kernels ck_scalar_kernels;
extern const ck_kernels ck_avx2_kernels;
extern const ck_kernels ck_avx512vnni_kernels;
extern const ck_kernels ck_neon_kernels;

/// The level's table; NULL if this build or this machine lacks it.
const ck_kernels *ck_kernels_of(ck_level level);
/// The table of the context's level.
const ck_kernels *ck_context_kernels(const ck_context *context);

#endif
