/// What a step of the model asks for, spread over the threads: each piece writes its own part of the output,
/// so the result does not depend on who does what.
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

struct ck_context {
  const ck_kernels *kernels;
  ck_pool *pool;
  size_t score_stride;
  /// [max_rows] rows of quantized activations, with their scales and zero points.
  char *activations;
  float *scales;
  int32_t *zeros;
  /// [threads][score_stride]: the scores of one query.
  float *scores;
};

static void *aligned(size_t bytes) {
  void *memory = NULL;
  return posix_memalign(&memory, 64, bytes ? bytes : 64) ? NULL : memory;
}

ck_context *ck_context_create(
  ck_level level, size_t threads, size_t max_rows, size_t max_inputs, size_t max_positions
) {
  const ck_kernels *kernels = ck_kernels_of(level);
  ck_context *context = kernels ? calloc(1, sizeof *context) : NULL;
  if (!context) return NULL;
  context->kernels = kernels;
  context->score_stride = ck_padded(max_positions);
  context->pool = ck_pool_create(threads);
  context->activations = aligned(max_rows * ck_padded(max_inputs) * kernels->activation_bytes);
  context->scales = aligned(max_rows * sizeof(float));
  context->zeros = aligned(max_rows * sizeof(int32_t));
  context->scores = aligned(threads * context->score_stride * sizeof(float));
  if (!context->pool || !context->activations || !context->scales || !context->zeros || !context->scores) {
    ck_context_destroy(context);
    return NULL;
  }
  return context;
}

void ck_context_destroy(ck_context *context) {
  if (!context) return;
  ck_pool_destroy(context->pool);
  free(context->activations);
  free(context->scales);
  free(context->zeros);
  free(context->scores);
  free(context);
}

// MARK: Rows

typedef struct row_job {
  const ck_context *context;
  const ck_norm *norm;
  size_t width;
  const float *x;
  size_t ldx;
  float *out;
  size_t ldo;
} row_job;

static void normalize_rows(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const row_job *job = argument;
  for (size_t r = begin; r < end; r++) {
    job->context->kernels->layer_norm(job->x + r * job->ldx, job->width, job->norm, job->out + r * job->ldo);
  }
}

void ck_normalize(
  ck_context *context, const ck_norm *norm, size_t width, const float *x, size_t ldx, size_t rows, float *out,
  size_t ldo
) {
  row_job job = {
    .context = context, .norm = norm, .width = width, .x = x, .ldx = ldx, .out = out, .ldo = ldo};
  ck_pool_run(context->pool, rows, 4, normalize_rows, &job);
}

static void quantize_rows(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const row_job *job = argument;
  const ck_context *context = job->context;
  size_t padded = ck_padded(job->width), stride = padded * context->kernels->activation_bytes;
  for (size_t r = begin; r < end; r++) {
    context->kernels->quantize(
      job->x + r * job->ldx, padded, context->activations + r * stride, context->scales + r,
      context->zeros + r);
  }
}

// MARK: Matrices

typedef struct linear_job {
  const ck_context *context;
  const ck_matrix *matrix;
  ck_rows rows;
  ck_output output;
  float *out;
  size_t ldo;
} linear_job;

static void multiply_strips(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const linear_job *job = argument;
  const ck_kernels *kernels = job->context->kernels;
  for (size_t strip = begin; strip < end; strip++) {
    if (job->matrix->format == CK_FORMAT_Q8) {
      kernels->linear_q8(job->matrix, &job->rows, strip, job->output, job->out, job->ldo);
    } else {
      kernels->linear_f32(job->matrix, &job->rows, strip, job->output, job->out, job->ldo);
    }
  }
}

void ck_linear(
  ck_context *context, const ck_matrix *matrix, const float *x, size_t ldx, size_t rows, ck_output output,
  float *out, size_t ldo
) {
  linear_job job = {.context = context, .matrix = matrix, .output = output, .out = out, .ldo = ldo};
  if (matrix->format == CK_FORMAT_Q8) {
    row_job quantize = {.context = context, .width = matrix->inputs, .x = x, .ldx = ldx};
    ck_pool_run(context->pool, rows, 4, quantize_rows, &quantize);
    size_t stride = ck_padded(matrix->inputs) * context->kernels->activation_bytes;
    job.rows = (ck_rows){context->activations, stride, rows, context->scales, context->zeros};
  } else {
    job.rows = (ck_rows){.data = x, .stride = ldx * sizeof(float), .count = rows};
  }
  ck_pool_run(context->pool, ck_padded(matrix->outputs) / 64, 1, multiply_strips, &job);
}

// MARK: Embeddings

void ck_unpack_row(const ck_matrix *m, size_t row, float *out) {
  size_t strip = row / 64, lane = row % 64;
  if (m->format == CK_FORMAT_F32) {
    const float *weights = (const float *)m->weights + strip * m->inputs * 64 + lane;
    for (size_t i = 0; i < m->inputs; i++) out[i] = weights[i * 64];
    return;
  }
  const int8_t *weights = (const int8_t *)m->weights + strip * ck_padded(m->inputs) * 64 + lane * 4;
  for (size_t i = 0; i < m->inputs; i++) out[i] = (float)weights[i / 4 * 256 + i % 4] * m->scales[row];
}

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
  ck_pool_run(context->pool, rows, 1, embed_rows, &job);
}

// MARK: Attention

typedef struct attend_job {
  const ck_context *context;
  const ck_attention *attention;
  const ck_span *spans;
  const float *qkv;
  size_t ldq;
  float *out;
  size_t ldo;
} attend_job;

static void append_f32(
  const float *k, const float *v, size_t t, size_t width, size_t padded_width, float *keys, float *values
) {
  for (size_t d = 0; d < width; d++) keys[(t / 16 * width + d) * 16 + t % 16] = k[d];
  for (size_t d = 0; d < width; d++) values[t * padded_width + d] = v[d];
}

/// Items are the heads of the spans: head h of span s is item s · heads + h.
static void attend_heads(void *argument, size_t begin, size_t end, size_t thread) {
  const attend_job *job = argument;
  const ck_attention *a = job->attention;
  float *scores = job->context->scores + thread * job->context->score_stride;
  size_t width = a->head_width, padded_width = (width + 15) / 16 * 16, model_width = a->heads * width;
  size_t element = a->type == CK_CACHE_F16 ? sizeof(_Float16) : sizeof(float);
  for (size_t item = begin; item < end; item++) {
    const ck_span *span = job->spans + item / a->heads;
    size_t head = item % a->heads;
    void *keys = (char *)span->keys + head * a->key_stride * element;
    void *values = (char *)span->values + head * a->value_stride * element;
    for (size_t r = 0; r < span->rows; r++) {
      const float *k = job->qkv + (span->first_row + r) * job->ldq + model_width + head * width;
      size_t t = span->position + r;
      if (a->type == CK_CACHE_F16) {
        job->context->kernels->append_f16(k, k + model_width, t, width, keys, values);
      } else {
        append_f32(k, k + model_width, t, width, padded_width, keys, values);
      }
    }
    for (size_t r = 0; r < span->rows; r++) {
      const float *q = job->qkv + (span->first_row + r) * job->ldq + head * width;
      float *out = job->out + (span->first_row + r) * job->ldo + head * width;
      size_t count = span->position + r + 1;
      if (a->type == CK_CACHE_F16) {
        job->context->kernels->attend_f16(q, keys, values, count, width, scores, out);
      } else {
        job->context->kernels->attend_f32(q, keys, values, count, width, scores, out);
      }
    }
  }
}

void ck_attend(
  ck_context *context, const ck_attention *attention, const ck_span *spans, size_t span_count,
  const float *qkv, size_t ldq, float *out, size_t ldo
) {
  size_t width = attention->heads * attention->head_width, rows = 0;
  for (size_t s = 0; s < span_count; s++) rows += spans[s].rows;
  for (size_t r = 0; r < rows; r++) {
    memset(out + r * ldo + width, 0, (ck_padded(width) - width) * sizeof(float));
  }
  attend_job job = {context, attention, spans, qkv, ldq, out, ldo};
  ck_pool_run(context->pool, span_count * attention->heads, 1, attend_heads, &job);
}

// MARK: Single kernels

size_t ck_activation_bytes(ck_level level) {
  const ck_kernels *kernels = ck_kernels_of(level);
  return kernels ? kernels->activation_bytes : 0;
}

void ck_test_quantize(
  ck_level level, const float *x, size_t padded, void *quantized, float *scale, int32_t *zero
) {
  ck_kernels_of(level)->quantize(x, padded, quantized, scale, zero);
}

void ck_test_gelu(ck_level level, ck_output which, float *x, size_t padded) {
  ck_kernels_of(level)->gelu(which, x, padded);
}

void ck_test_softmax(ck_level level, float *x, size_t count) { ck_kernels_of(level)->softmax(x, count); }
