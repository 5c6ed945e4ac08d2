/// The arithmetic of GPT-2: matrices of 4, 8 and 32 bits, layer norm, GELU, attention, and the threads they run
/// on.
///
/// Two promises hold at every level and on any number of threads: the integer sums of the quantized matrices
/// are exact, and a row's result depends on that row alone, bit for bit, never on what else is in the batch.
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

/// Weights in blocks along K. A strip is 64 outputs; its blocks follow each other, everything in the order in
/// which the kernels read it, so that a matrix is one stream from its first byte to its last.
typedef enum ck_format {
  /// f32 as `[N/64][K][64]`.
  CK_FORMAT_F32 = 0,
  /// s8, -127...127, in blocks of 64 inputs. A block of a strip is 64 bytes with the steps of its outputs (u8),
  /// then the weights as `[64/4][64][4]`: 4160 bytes. w = scales[n] · step · q.
  CK_FORMAT_Q8 = 1,
  /// 4 bits, 0...15, in blocks of 32 inputs. A block of a strip is 64 bytes with the steps of its outputs (u8), 64
  /// bytes with their minimums (u8), then the weights as `[32/8][64][4]` bytes, of which the low four bits are
  /// input 8i + j and the high four are input 8i + 4 + j: 1152 bytes. w = scales[n] · (step · q - 8 · minimum).
  CK_FORMAT_Q4 = 2,
} ck_format;

#define CK_Q8_BLOCK 64
#define CK_Q4_BLOCK 32

/// A linear layer, y = Wx + b, packed. All pointers are aligned to 64 bytes; N is padded to 64 and K to 64, with
/// weights that are zero or, in Q4, meet activations that are zero.
typedef struct ck_matrix {
  ck_format format;
  /// K and N, without padding.
  size_t inputs, outputs;
  const void *weights;
  /// [N] each, Q8 and Q4 only: the output's scale, and Σ over the padded K of its weights in units of the scale, by
  /// which the activations' zero point is taken out again.
  const float *scales, *sums;
  /// [N padded] or NULL.
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
/// Packs row-major `[N, K]`; `packed` has `ck_packed_bytes`, `scales` and `sums` the padded N. The last two are not
/// touched for F32.
void ck_pack(
  ck_format format, const float *weights, size_t inputs, size_t outputs, void *packed, float *scales, float *sums);
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

/// `max_inputs`: the longest K. Allocates; NULL if memory or threads can't be had. The level must be available.
ck_context *ck_context_create(ck_level level, size_t threads, size_t max_rows, size_t max_inputs);
void ck_context_destroy(ck_context *context);
/// The threads of the context, for other work between two steps.
ck_pool *ck_context_pool(ck_context *context);

typedef struct ck_norm {
  /// [n padded to 64] each.
  const float *weight, *bias;
  float epsilon;
} ck_norm;

/// out[r] = layer norm of x[r]; rows `ldx` and `ldo` floats apart, padding of `out` up to 64 set to zero.
void ck_normalize(
  ck_context *context, const ck_norm *norm, size_t width, const float *x, size_t ldx, size_t rows, float *out,
  size_t ldo);

/// out[r] = output(W norm(x[r]) + b) for each row; `norm` may be NULL: none. x is padded with zeros to 64; so is
/// `out` afterwards. x and out must not overlap.
///
/// For Q8 and Q4 the input becomes integers here: x ≈ scale · (q - zero) with one scale and zero point a row. Most
/// q are 0...255. A few values far from the others (at most CK_OUTLIERS a row) may lie beyond, so that they don't
/// make the steps of all others coarse; they are 16 bits and take part exactly.
void ck_linear(
  ck_context *context, const ck_matrix *matrix, const ck_norm *norm, const float *x, size_t ldx, size_t rows,
  ck_output output, float *out, size_t ldo);

/// out[r] = token embedding of ids[r] + position embedding of positions[r]. Ids and positions must be in
/// range.
void ck_embed(
  ck_context *context, const ck_matrix *tokens, const float *positions, const int32_t *ids,
  const int32_t *row_positions, size_t rows, float *out, size_t ldo);

// MARK: Attention

/// How the K/V cache stores its numbers.
typedef enum ck_cache_type {
  CK_CACHE_F32 = 0,
  CK_CACHE_F16 = 1,
  /// s8 with a scale for each key and each value of a head.
  CK_CACHE_I8 = 2,
} ck_cache_type;

/// Positions of one page of the K/V cache. A page holds all layers and heads of its positions as
/// `[layer][head]`: the keys as `[D][16]`, the values as `[16][D padded to 16]`, and for I8 the scales of the
/// keys and of the values, `[16]` f32 each. Every part begins at a multiple of 64 bytes.
#define CK_PAGE_POSITIONS 16
size_t ck_page_bytes(ck_cache_type type, size_t layers, size_t heads, size_t head_width);

/// Rows `first_row..<first_row + rows` of a step are positions `position...` of one sequence, whose page p holds
/// its positions 16p ..< 16p + 16.
typedef struct ck_span {
  size_t first_row, rows, position;
  void *const *pages;
} ck_span;

typedef struct ck_attention {
  ck_cache_type type;
  size_t heads, head_width, layer;
} ck_attention;

/// Writes the rows' keys and values into their pages, then attends causally. qkv[r] is q | k | v; out[r] is the
/// heads side by side, padded with zeros to 64. A row's result depends on its query and on the keys and values up
/// to its position, bit for bit, not on the other rows.
void ck_attend(
  ck_context *context, const ck_attention *attention, const ck_span *spans, size_t span_count, const float *qkv,
  size_t ldq, float *out, size_t ldo);

// MARK: Sampling

/// The lowest index among those of the greatest value; NaN is never chosen before a number.
size_t ck_argmax(ck_level level, const float *x, size_t count);
/// out[i] = e^((x[i] - greatest) · scale): the greatest becomes 1 even where scale is infinite, and NaN becomes 0.
/// `x` and `out` may be the same.
void ck_weights(ck_level level, const float *x, size_t count, float scale, float *out);

/// The weights of 64 neighbours: whoever looks for heavy ones need not read where `greatest` is too little.
typedef struct ck_block {
  float mass, greatest;
} ck_block;
#define CK_BLOCK 64

/// Of `count` weights, which are numbers and not negative; one block for every 64 of them.
void ck_blocks(const float *weights, size_t count, ck_block *blocks);
/// Of blocks `first..<end`: the sum of the weights that are at least `limit` > 0, and how many they are. Sums are taken
/// in the same order on every machine.
double ck_mass(
  const float *weights, size_t count, const ck_block *blocks, size_t first, size_t end, float limit);
size_t ck_count(
  const float *weights, size_t count, const ck_block *blocks, size_t first, size_t end, float limit);

// MARK: Single kernels, for tests

/// The most activations of a row that may lie beyond 8 bits.
#define CK_OUTLIERS 8

/// A row as integers, whatever form the level's matrix kernel reads: q is `[padded]`.
void ck_test_quantize(ck_level level, const float *x, size_t padded, int16_t *q, float *scale, int32_t *zero);
void ck_test_gelu(ck_level level, ck_output which, float *x, size_t padded);

#ifdef __cplusplus
}
#endif
#endif
