/// What a step of the model asks for, spread over the threads: each piece writes its own part of the output,
/// so the result does not depend on who does what.
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

/// For so few rows each thread prepares the input of a matrix for itself: that takes less time than to wait for each
/// other.
enum { PRIVATE_ROWS = 4 };

/// Memory for the rows that a matrix reads.
typedef struct scratch {
  char *activations;
  float *scales;
  int32_t *zeros;
  ck_outlier *outliers;
  float *block_sums;
  /// Rows after layer norm: of all rows for F32, otherwise one a thread.
  float *floats;
  /// The job whose rows it holds; for private ones.
  uint64_t job;
} scratch;

struct ck_context {
  const ck_kernels *kernels;
  ck_pool *pool;
  size_t private_count;
  uint64_t jobs;
  /// For all rows of a step; and for a few rows, one each thread.
  scratch shared, *private;
};

static void *aligned(size_t bytes) {
  void *memory = NULL;
  return posix_memalign(&memory, 64, bytes ? bytes : 64) ? NULL : memory;
}

/// From a row of activations to the next: a cache line more than the row, or the rows of a width that is a multiple of
/// a page's would all want the same places of the first cache.
static size_t row_stride(const ck_kernels *kernels, size_t padded) {
  return padded * kernels->activation_bytes + 64;
}

static int scratch_create(scratch *s, const ck_kernels *kernels, size_t rows, size_t padded, size_t float_rows) {
  s->activations = aligned(rows * row_stride(kernels, padded));
  s->scales = aligned(rows * sizeof(float));
  s->zeros = aligned(rows * sizeof(int32_t));
  s->outliers = aligned(rows * (CK_OUTLIERS + 1) * sizeof(ck_outlier));
  s->block_sums = aligned(rows * (padded / CK_Q4_BLOCK) * sizeof(float));
  s->floats = aligned(float_rows * padded * sizeof(float));
  return s->activations && s->scales && s->zeros && s->outliers && s->block_sums && s->floats;
}

static void scratch_destroy(scratch *s) {
  free(s->activations);
  free(s->scales);
  free(s->zeros);
  free(s->outliers);
  free(s->block_sums);
  free(s->floats);
}

ck_context *ck_context_create(ck_level level, size_t threads, size_t max_rows, size_t max_inputs) {
  const ck_kernels *kernels = ck_kernels_of(level);
  ck_context *context = kernels && threads ? calloc(1, sizeof *context) : NULL;
  if (!context) return NULL;
  const size_t padded = ck_padded(max_inputs);
  context->kernels = kernels;
  context->pool = ck_pool_create(threads);
  context->private = calloc(threads, sizeof *context->private);
  context->private_count = context->private ? threads : 0;
  int complete = context->pool && context->private &&
                 scratch_create(&context->shared, kernels, max_rows, padded, max_rows);
  for (size_t i = 0; i < context->private_count; i++) {
    complete &= scratch_create(context->private + i, kernels, PRIVATE_ROWS, padded, PRIVATE_ROWS);
  }
  if (complete) return context;
  ck_context_destroy(context);
  return NULL;
}

void ck_context_destroy(ck_context *context) {
  if (!context) return;
  ck_pool_destroy(context->pool);
  for (size_t i = 0; i < context->private_count; i++) scratch_destroy(context->private + i);
  free(context->private);
  scratch_destroy(&context->shared);
  free(context);
}

ck_pool *ck_context_pool(ck_context *context) { return context->pool; }
const ck_kernels *ck_context_kernels(const ck_context *context) { return context->kernels; }

// MARK: Layer norm

typedef struct norm_job {
  const ck_kernels *kernels;
  const ck_norm *norm;
  size_t width;
  const float *x;
  size_t ldx;
  float *out;
  size_t ldo;
} norm_job;

static void normalize_rows(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const norm_job *job = argument;
  for (size_t r = begin; r < end; r++) {
    job->kernels->layer_norm(job->x + r * job->ldx, job->width, job->norm, job->out + r * job->ldo);
  }
}

void ck_normalize(
  ck_context *context, const ck_norm *norm, size_t width, const float *x, size_t ldx, size_t rows, float *out,
  size_t ldo
) {
  norm_job job = {context->kernels, norm, width, x, ldx, out, ldo};
  ck_pool_run(context->pool, rows, 4, normalize_rows, &job);
}

// MARK: Matrices

typedef struct linear_job {
  ck_context *context;
  const ck_matrix *matrix;
  const ck_norm *norm;
  const float *x;
  size_t ldx, rows;
  ck_output output;
  float *out;
  size_t ldo;
  uint64_t number;
} linear_job;

/// Rows `begin..<end` as the matrix reads them, in `s`. `floats` has room for rows after the layer norm: for F32
/// one for each row of `s`, otherwise for one.
static void prepare(const linear_job *job, scratch *s, float *floats, size_t begin, size_t end) {
  const ck_kernels *kernels = job->context->kernels;
  const ck_format format = job->matrix->format;
  const size_t width = job->matrix->inputs, padded = ck_padded(width);
  for (size_t r = begin; r < end; r++) {
    const float *x = job->x + r * job->ldx;
    if (job->norm) {
      float *normal = format == CK_FORMAT_F32 ? floats + r * padded : floats;
      kernels->layer_norm(x, width, job->norm, normal);
      x = normal;
    }
    if (format == CK_FORMAT_F32) continue;
    const ck_row row = {
      .data = s->activations + r * row_stride(kernels, padded),
      .scale = s->scales + r,
      .zero = s->zeros + r,
      .outliers = s->outliers + r * (CK_OUTLIERS + 1),
      .block_sums = format == CK_FORMAT_Q4 ? s->block_sums + r * (padded / CK_Q4_BLOCK) : NULL,
    };
    kernels->quantize(x, padded, &row);
  }
}

static void prepare_rows(void *argument, size_t begin, size_t end, size_t thread) {
  const linear_job *job = argument;
  scratch *shared = &job->context->shared;
  prepare(
    job, shared, job->matrix->format == CK_FORMAT_F32 ? shared->floats : job->context->private[thread].floats,
    begin, end);
}

static void multiply(const linear_job *job, const scratch *s, size_t begin, size_t end) {
  const ck_kernels *kernels = job->context->kernels;
  const size_t padded = ck_padded(job->matrix->inputs);
  ck_rows rows = {
    .data = s->activations,
    .stride = row_stride(kernels, padded),
    .count = job->rows,
    .scales = s->scales,
    .zeros = s->zeros,
    .outliers = s->outliers,
    .block_sums = s->block_sums,
  };
  if (job->matrix->format == CK_FORMAT_F32) {
    rows.data = job->norm ? s->floats : job->x;
    rows.stride = (job->norm ? padded : job->ldx) * sizeof(float);
  }
  for (size_t strip = begin; strip < end; strip++) {
    kernels->linear[job->matrix->format](job->matrix, &rows, strip, job->output, job->out, job->ldo);
  }
}

static void multiply_prepared(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const linear_job *job = argument;
  multiply(job, &job->context->shared, begin, end);
}

static void prepare_and_multiply(void *argument, size_t begin, size_t end, size_t thread) {
  const linear_job *job = argument;
  scratch *own = job->context->private + thread;
  if (own->job != job->number) {
    prepare(job, own, own->floats, 0, job->rows);
    own->job = job->number;
  }
  multiply(job, own, begin, end);
}

void ck_linear(
  ck_context *context, const ck_matrix *matrix, const ck_norm *norm, const float *x, size_t ldx, size_t rows,
  ck_output output, float *out, size_t ldo
) {
  if (rows == 0) return;
  linear_job job = {context, matrix, norm, x, ldx, rows, output, out, ldo, ++context->jobs};
  const size_t strips = ck_padded(matrix->outputs) / 64;
  if (rows <= PRIVATE_ROWS) {
    ck_pool_run(context->pool, strips, 1, prepare_and_multiply, &job);
  } else {
    if (norm || matrix->format != CK_FORMAT_F32) ck_pool_run(context->pool, rows, 1, prepare_rows, &job);
    ck_pool_run(context->pool, strips, 1, multiply_prepared, &job);
  }
}

// MARK: Embeddings

typedef struct embed_job {
  const ck_matrix *tokens;
  const float *positions;
  const int32_t *ids, *row_positions;
  float *out;
  size_t ldo;
} embed_job;

static void embed_rows(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const embed_job *job = argument;
  size_t width = job->tokens->inputs;
  for (size_t r = begin; r < end; r++) {
    float *out = job->out + r * job->ldo;
    const float *position = job->positions + (size_t)job->row_positions[r] * width;
    ck_unpack_row(job->tokens, (size_t)job->ids[r], out);
    for (size_t i = 0; i < width; i++) out[i] += position[i];
    for (size_t i = width; i < ck_padded(width); i++) out[i] = 0;
  }
}

void ck_embed(
  ck_context *context, const ck_matrix *tokens, const float *positions, const int32_t *ids,
  const int32_t *row_positions, size_t rows, float *out, size_t ldo
) {
  embed_job job = {tokens, positions, ids, row_positions, out, ldo};
  ck_pool_run(context->pool, rows, 4, embed_rows, &job);
}

// MARK: Single kernels

void ck_test_quantize(ck_level level, const float *x, size_t padded, int16_t *q, float *scale, int32_t *zero) {
  const ck_kernels *kernels = ck_kernels_of(level);
  ck_outlier outliers[CK_OUTLIERS + 1];
  const ck_row row = {q, scale, zero, outliers, NULL};
  kernels->quantize(x, padded, &row);
  if (kernels->splits_outliers) {
    const uint8_t flip = level == CK_LEVEL_NEON ? 0x80 : 0;
    for (size_t i = padded; i-- > 0;) q[i] = ((const uint8_t *)q)[i] ^ flip;
    for (const ck_outlier *o = outliers; o->input != UINT32_MAX; o++) q[o->input] += 256 * o->high;
  } else if (level == CK_LEVEL_AVX2) {
    // Each four are in the order 0 2 1 3.
    for (size_t i = 1; i < padded; i += 4) {
      const int16_t other = q[i];
      q[i] = q[i + 1];
      q[i + 1] = other;
    }
  }
}

void ck_test_gelu(ck_level level, ck_output which, float *x, size_t padded) {
  ck_kernels_of(level)->gelu(which, x, padded);
}
