/// Attention over a K/V cache in pages, spread over the threads.
#include <string.h>

#include "cache_layout.h"
#include "kernels.h"

size_t ck_page_bytes(ck_cache_type type, size_t layers, size_t heads, size_t head_width) {
  return layers * heads * ck_part_of(type, head_width).bytes;
}

/// Queries of a long span that are one item of work. A multiple of every level's tile.
enum { CHUNK = 32 };

typedef struct attend_job {
  const ck_kernels *kernels;
  const ck_attention *attention;
  const ck_span *spans;
  const float *qkv;
  size_t ldq;
  float *out;
  size_t ldo;
} attend_job;

static size_t chunks_of(const ck_span *span) { return (span->rows + CHUNK - 1) / CHUNK; }

/// Writes the keys and values of rows `begin..<end` of a span.
static void append(const attend_job *job, const ck_span *span, size_t head, size_t begin, size_t end) {
  const ck_attention *a = job->attention;
  const size_t width = a->heads * a->head_width;
  for (size_t r = begin; r < end; r++) {
    const float *key = job->qkv + (span->first_row + r) * job->ldq + width + head * a->head_width;
    job->kernels->append[a->type](a, span->pages, head, span->position + r, key, key + width);
  }
}

static void attend(const attend_job *job, const ck_span *span, size_t head, size_t begin, size_t end) {
  const ck_attention *a = job->attention;
  const size_t row = span->first_row + begin, column = head * a->head_width;
  const ck_queries queries = {
    .attention = a,
    .pages = span->pages,
    .head = head,
    .queries = job->qkv + row * job->ldq + column,
    .stride = job->ldq,
    .rows = end - begin,
    .position = span->position + begin,
    .out = job->out + row * job->ldo + column,
    .out_stride = job->ldo,
  };
  job->kernels->attend[a->type](&queries);
}

/// Items are the heads of the spans: head h of span s is item s · heads + h.
static void attend_heads(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  const attend_job *job = argument;
  const size_t heads = job->attention->heads;
  for (size_t item = begin; item < end; item++) {
    const ck_span *span = job->spans + item / heads;
    append(job, span, item % heads, 0, span->rows);
    attend(job, span, item % heads, 0, span->rows);
  }
}

/// Calls `work` for each chunk of rows of each head of each span. The last chunk of a head, which has the most to
/// attend to, comes first.
static void each_chunk(
  const attend_job *job, size_t begin, size_t end,
  void (*work)(const attend_job *job, const ck_span *span, size_t head, size_t begin, size_t end)
) {
  const size_t heads = job->attention->heads;
  const ck_span *span = job->spans;
  size_t first = 0;
  for (size_t item = begin; item < end; item++) {
    while (item - first >= heads * chunks_of(span)) {
      first += heads * chunks_of(span);
      span++;
    }
    const size_t chunks = chunks_of(span), chunk = chunks - 1 - (item - first) % chunks;
    const size_t from = chunk * CHUNK, to = from + CHUNK < span->rows ? from + CHUNK : span->rows;
    work(job, span, (item - first) / chunks, from, to);
  }
}

static void append_chunks(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  each_chunk(argument, begin, end, append);
}

static void attend_chunks(void *argument, size_t begin, size_t end, size_t thread) {
  (void)thread;
  each_chunk(argument, begin, end, attend);
}

/// Items at a time: neighbours of a head lie beside each other in the pages, but every thread should get some.
static size_t grain(ck_pool *pool, size_t items) {
  const size_t parts = 4 * ck_pool_threads(pool);
  return items > parts ? (items + parts - 1) / parts : 1;
}

void ck_attend(
  ck_context *context, const ck_attention *attention, const ck_span *spans, size_t span_count, const float *qkv,
  size_t ldq, float *out, size_t ldo
) {
  const size_t width = attention->heads * attention->head_width, padding = ck_padded(width) - width;
  size_t chunks = 0, longest = 0;
  for (size_t s = 0; s < span_count; s++) {
    chunks += chunks_of(spans + s);
    longest = spans[s].rows > longest ? spans[s].rows : longest;
    for (size_t r = 0; padding && r < spans[s].rows; r++) {
      memset(out + (spans[s].first_row + r) * ldo + width, 0, padding * sizeof(float));
    }
  }
  attend_job job = {ck_context_kernels(context), attention, spans, qkv, ldq, out, ldo};
  ck_pool *pool = ck_context_pool(context);
  const size_t items = chunks * attention->heads;
  if (longest <= CHUNK) {
    ck_pool_run(pool, items, grain(pool, items), attend_heads, &job);
  } else {
    // A chunk needs the keys and values of all chunks before it.
    ck_pool_run(pool, items, 1, append_chunks, &job);
    ck_pool_run(pool, items, 1, attend_chunks, &job);
  }
}
