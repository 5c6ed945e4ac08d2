/// The arithmetic of GPT-2: 8-bit and 32-bit matrices, layer norm, GELU, attention, and the threads they run
/// on.
///
/// Two promises hold at every level and on any number of threads: the integer sums of the 8-bit matrices are
/// exact, and a row's result depends on that row alone, bit for bit, never on what else is in the batch.
/// Nothing here checks its arguments or allocates, except where a comment says so.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Rows of activations and outputs are padded with zeros to a multiple of this many elements.
#define CK_PAD 64

static inline size_t ck_padded(size_t count) { return (count + CK_PAD - 1) / CK_PAD * CK_PAD; }

// MARK: Levels

/// The instruction sets that kernels are written for.
typedef enum ck_level {
  CK_LEVEL_SCALAR = 0,
  CK_LEVEL_AVX2 = 1,
  CK_LEVEL_AVX512VNNI = 2,
  /// With the dot product of bytes.
  CK_LEVEL_NEON = 3,
  CK_LEVEL_COUNT = 4,
} ck_level;

/// `scalar`, `avx2`, `avx512vnni` or `neon`.
const char *ck_level_name(ck_level level);
/// Whether this processor and operating system can run the level.
int ck_level_available(ck_level level);
/// The level to use: the best there is, or what the environment's `CK_LEVEL` names. Returns 0, or -1 with a
/// message in `error` if `CK_LEVEL` names an unknown or unavailable level.
int ck_select_level(ck_level *level, char *error, size_t error_size);

// MARK: Matrices

typedef enum ck_format {
  /// f32 weights as `[N/64][K][64]`.
  CK_FORMAT_F32 = 0,
  /// s8 weights as `[N/64][K/4][64][4]`, K padded to 64, with a scale and a sum of each output's weights.
  CK_FORMAT_Q8 = 1,
} ck_format;

/// A linear layer, y = Wx + b, packed. All pointers are aligned to 64 bytes; N is padded to 64 with zeros.
typedef struct ck_matrix {
  ck_format format;
  /// K and N, without padding.
  size_t inputs, outputs;
  const void *weights;
  /// [N], Q8 only: what one step of a weight is worth, and Σ over K of the weights.
  const float *scales;
  const int32_t *sums;
  /// [N] or NULL.
  const float *bias;
} ck_matrix;

/// What becomes of a linear layer's result v.
typedef enum ck_output {
  /// out = v
  CK_OUTPUT_STORE = 0,
  /// out = out + v: the residual stream.
  CK_OUTPUT_ADD = 1,
  /// out = GELU(v), by tanh or by erf.
  CK_OUTPUT_GELU_TANH = 2,
  CK_OUTPUT_GELU_ERF = 3,
} ck_output;

size_t ck_packed_bytes(ck_format format, size_t inputs, size_t outputs);
/// The longest K whose products cannot overflow 32 bits: 65536 · 255 · 127 < 2³¹.
#define CK_Q8_MAX_INPUTS 65536
/// Packs row-major `[N, K]`; `packed` has `ck_packed_bytes`.
void ck_pack_f32(const float *weights, size_t inputs, size_t outputs, float *packed);
/// The same with symmetric 8-bit weights, -127...127; `scales` and `sums` have the padded N.
void ck_pack_q8(
  const float *weights, size_t inputs, size_t outputs, int8_t *packed, float *scales, int32_t *sums);
/// Whether no value is infinite or not a number.
int ck_all_finite(const float *values, size_t count);
/// XXH64 of the bytes, with seed 0: the checksum of model files.
uint64_t ck_checksum(const void *bytes, size_t count);
/// Row n of the matrix as floats: `inputs` many.
void ck_unpack_row(const ck_matrix *matrix, size_t row, float *out);

// MARK: Threads

typedef struct ck_pool ck_pool;
/// Runs items `begin..<end` of a job; `thread` is below the pool's thread count.
typedef void (*ck_work)(void *job, size_t begin, size_t end, size_t thread);

/// Starts `threads - 1` threads; the caller of `ck_pool_run` is one more. NULL if they can't be had.
/// Allocates.
ck_pool *ck_pool_create(size_t threads);
void ck_pool_destroy(ck_pool *pool);
size_t ck_pool_threads(const ck_pool *pool);
/// Does `count` items, `grain` at a time, and returns when all are done. One caller at a time.
void ck_pool_run(ck_pool *pool, size_t count, size_t grain, ck_work work, void *job);

// MARK: Steps

/// A level, threads, and scratch memory for steps of so many rows.
typedef struct ck_context ck_context;

/// `max_inputs`: the longest K. `max_positions`: the longest sequence. Allocates; NULL if memory or threads
/// can't be had. The level must be available.
ck_context *ck_context_create(
  ck_level level, size_t threads, size_t max_rows, size_t max_inputs, size_t max_positions);
void ck_context_destroy(ck_context *context);

typedef struct ck_norm {
  /// [n] each.
  const float *weight, *bias;
  float epsilon;
} ck_norm;

/// out[r] = layer norm of x[r]; rows `ldx` and `ldo` floats apart, padding of `out` up to 64 set to zero.
void ck_normalize(
  ck_context *context, const ck_norm *norm, size_t width, const float *x, size_t ldx, size_t rows, float *out,
  size_t ldo);

/// out[r] = output(W x[r] + b) for each row. x is padded with zeros to 64; so is `out` afterwards.
/// Activations of a Q8 matrix become 8 bits here, with a scale and a zero point a row.
void ck_linear(
  ck_context *context, const ck_matrix *matrix, const float *x, size_t ldx, size_t rows, ck_output output,
  float *out, size_t ldo);

/// out[r] = token embedding of ids[r] + position embedding of positions[r]. Ids and positions must be in
/// range.
void ck_embed(
  ck_context *context, const ck_matrix *tokens, const float *positions, const int32_t *ids,
  const int32_t *row_positions, size_t rows, float *out, size_t ldo);

/// How the K/V cache stores its numbers.
typedef enum ck_cache_type { CK_CACHE_F32 = 0, CK_CACHE_F16 = 1 } ck_cache_type;

/// Rows `first_row..<first_row + rows` of a step are positions `position...` of one sequence.
typedef struct ck_span {
  size_t first_row, rows, position;
  /// This layer's cache of the sequence, head after head: keys as `[T/16][D][16]`, values as `[T][D padded to
  /// 16]`, T a multiple of 16.
  void *keys, *values;
} ck_span;

typedef struct ck_attention {
  ck_cache_type type;
  size_t heads, head_width;
  /// Elements from one head's keys (values) to the next head's.
  size_t key_stride, value_stride;
} ck_attention;

/// Appends the rows' keys and values to the cache, then attends causally. qkv[r] is q | k | v; out[r] is the
/// heads side by side, padded with zeros to 64.
void ck_attend(
  ck_context *context, const ck_attention *attention, const ck_span *spans, size_t span_count,
  const float *qkv, size_t ldq, float *out, size_t ldo);

// MARK: Single kernels, for tests

/// Bytes an 8-bit activation takes in the form that the level's matrix kernel reads.
size_t ck_activation_bytes(ck_level level);
void ck_test_quantize(
  ck_level level, const float *x, size_t padded, void *quantized, float *scale, int32_t *zero);
void ck_test_gelu(ck_level level, ck_output which, float *x, size_t padded);
void ck_test_softmax(ck_level level, float *x, size_t count);

#ifdef __cplusplus
}
#endif
#endif
