/// Attention of a level against the same in doubles, and its promise that a row's bits depend on nothing but the row.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

int check_attention(ck_level level);

static uint64_t state = 42;

static uint64_t random_bits(void) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static size_t below(size_t limit) { return (size_t)(random_bits() % limit); }

/// Heavy-tailed: 0.3 v / (1 - 0.9|v|) of a uniform v in (-1, 1).
static float number(void) {
  const double v = (double)(random_bits() >> 40) / 8388608 - 1;
  return (float)(0.3 * v / (1 - 0.9 * fabs(v)));
}

static void *memory(size_t bytes, int fill) {
  bytes = (bytes + 63) / 64 * 64 + 64;
  void *p = aligned_alloc(64, bytes);
  if (!p) exit(2);
  return memset(p, fill, bytes);
}

/// A sequence of `count` positions of two layers: its pages in memory full of NaN, and q | k | v of each position.
typedef struct sequence {
  ck_attention attention;
  size_t count, width, ldq;
  void *pages[64];
  float *qkv;
} sequence;

enum { LAYERS = 2, MAX_POSITIONS = 330 };

static void make_pages(sequence *s) {
  for (size_t p = 0; p < (s->count + CK_PAGE_POSITIONS - 1) / CK_PAGE_POSITIONS; p++) {
    const ck_attention *a = &s->attention;
    s->pages[p] = memory(ck_page_bytes(a->type, LAYERS, a->heads, a->head_width), 0xff);
  }
}

static void free_pages(sequence *s) {
  for (size_t p = 0; p < (s->count + CK_PAGE_POSITIONS - 1) / CK_PAGE_POSITIONS; p++) free(s->pages[p]);
}

static sequence make_sequence(ck_cache_type type, size_t heads, size_t head_width, size_t count) {
  sequence s = {.attention = {type, heads, head_width, below(LAYERS)}, .count = count, .width = heads * head_width};
  s.ldq = ck_padded(3 * s.width);
  s.qkv = memory(count * s.ldq * sizeof(float), 0);
  for (size_t i = 0; i < count; i++) {
    for (size_t c = 0; c < 3 * s.width; c++) s.qkv[i * s.ldq + c] = number();
  }
  make_pages(&s);
  return s;
}

/// Attends with positions `position..<position + rows` at the level's kernels.
static void attend_rows(const ck_kernels *kernels, const sequence *s, size_t position, size_t rows, float *out) {
  const ck_attention *a = &s->attention;
  for (size_t head = 0; head < a->heads; head++) {
    const float *first = s->qkv + position * s->ldq + head * a->head_width;
    for (size_t r = 0; r < rows; r++) {
      const float *key = first + r * s->ldq + s->width;
      kernels->append[a->type](a, s->pages, head, position + r, key, key + s->width);
    }
    ck_queries queries = {a, s->pages, head, first, s->ldq, rows, position, out + head * a->head_width, s->width};
    kernels->attend[a->type](&queries);
  }
}

/// Causal attention in doubles. Returns the greatest error in units of 1 + the greatest value that was averaged.
static double error_of(const sequence *s, const float *out) {
  const ck_attention *a = &s->attention;
  double worst = 0;
  double *weights = memory(s->count * sizeof(double), 0);
  for (size_t head = 0; head < a->heads; head++) {
    for (size_t r = 0; r < s->count; r++) {
      double top = -INFINITY, total = 0;
      for (size_t t = 0; t <= r; t++) {
        const float *q = s->qkv + r * s->ldq + head * a->head_width;
        const float *k = s->qkv + t * s->ldq + s->width + head * a->head_width;
        weights[t] = 0;
        for (size_t d = 0; d < a->head_width; d++) weights[t] += (double)q[d] * k[d];
        weights[t] /= sqrt((double)a->head_width);
        top = fmax(top, weights[t]);
      }
      for (size_t t = 0; t <= r; t++) total += weights[t] = exp(weights[t] - top);
      for (size_t d = 0; d < a->head_width; d++) {
        double sum = 0, greatest = 0;
        for (size_t t = 0; t <= r; t++) {
          const double v = s->qkv[t * s->ldq + 2 * s->width + head * a->head_width + d];
          sum += weights[t] / total * v;
          greatest = fmax(greatest, fabs(v));
        }
        const double error = fabs(out[r * s->width + head * a->head_width + d] - sum) / (1 + greatest);
        // NaN is the worst of all.
        if (!(error <= worst)) worst = error;
      }
    }
  }
  free(weights);
  return worst;
}

/// Whether the scalar kernels make the same of what the level appended as of what they appended themselves.
static int appends_the_same(const ck_kernels *kernels, sequence *s, const float *expected, float *out) {
  const ck_attention *a = &s->attention;
  free_pages(s);
  make_pages(s);
  attend_rows(kernels, s, 0, s->count, out);
  for (size_t head = 0; head < a->heads; head++) {
    const size_t column = head * a->head_width;
    ck_queries queries = {a, s->pages, head, s->qkv + column, s->ldq, s->count, 0, out + column, s->width};
    ck_scalar_kernels.attend[a->type](&queries);
  }
  return !memcmp(out, expected, s->count * s->width * sizeof(float));
}

static int failures, checks;

static void check(int ok, const char *what, const sequence *s) {
  checks++;
  if (ok) return;
  failures++;
  printf(
    "FAILED %s (type %d, %zu heads of %zu, %zu positions)\n", what, (int)s->attention.type, s->attention.heads,
    s->attention.head_width, s->count);
}

static void check_sequence(const ck_kernels *kernels, ck_cache_type type, size_t heads, size_t width, size_t count) {
  static const double tolerances[] = {1e-6, 2e-3, 3e-2};
  sequence s = make_sequence(type, heads, width, count);
  const size_t bytes = count * s.width * sizeof(float);
  float *whole = memory(bytes, 0), *oracle = memory(bytes, 0), *pieces = memory(bytes, 0);
  attend_rows(&ck_scalar_kernels, &s, 0, count, oracle);
  check(error_of(&s, oracle) <= tolerances[type], "the scalar kernels against doubles", &s);
  check(appends_the_same(kernels, &s, oracle, whole), "what is appended", &s);

  free_pages(&s);
  make_pages(&s);
  attend_rows(kernels, &s, 0, count, whole);
  double difference = 0;
  for (size_t i = 0; i < count * s.width; i++) {
    const double d = fabs((double)whole[i] - oracle[i]) / (1 + fabs(oracle[i]));
    if (!(d <= difference)) difference = d;
  }
  check(difference <= 2e-6, "against the scalar kernels", &s);

  for (int round = 0; round < 8; round++) {
    free_pages(&s);
    make_pages(&s);
    const size_t longest = round == 0 ? 1 : 1 + below(round % 2 ? 7 : count);
    for (size_t position = 0; position < count;) {
      size_t rows = round == 0 ? 1 : 1 + below(longest);
      rows = rows < count - position ? rows : count - position;
      attend_rows(kernels, &s, position, rows, pieces + position * s.width);
      position += rows;
    }
    check(!memcmp(pieces, whole, bytes), "the same bits in other pieces", &s);
  }
  free_pages(&s);
  void *all[] = {s.qkv, whole, oracle, pieces};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

int check_attention(ck_level level) {
  static const size_t widths[] = {1, 3, 16, 20, 48, 64, 80, 128};
  const ck_kernels *kernels = ck_kernels_of(level);
  failures = checks = 0;
  for (int type = CK_CACHE_F32; type <= CK_CACHE_I8; type++) {
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
      for (size_t round = 0; round < 6; round++) {
        const size_t count = 1 + below(round < 3 ? 20 : MAX_POSITIONS);
        check_sequence(kernels, (ck_cache_type)type, 1 + below(3), widths[w], count);
      }
    }
  }
  printf("%d checks of the attention of %s, %d failures\n", checks, ck_level_name(level), failures);
  return failures;
}
